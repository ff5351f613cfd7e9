/** Lists of multipart uploads: those of a bucket (ListMultipartUploads), and the parts of one (ListParts), page by page. */

import { compareKeys } from "../delta/files/key-order.ts";
import { S3Error } from "./errors.ts";
import type { S3Answer, S3Request } from "./exchange.ts";
import { xml } from "./xml.ts";

const XML = { "content-type": "application/xml" };
const MOST = 1000;

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
  /** Milliseconds. */
  readonly modifiedAt: number;
}

export interface OpenUpload {
  readonly key: string;
  readonly id: string;
  /** Milliseconds. */
  readonly begunAt: number;
}

/** @param parts ascending by their numbers. @throws S3Error InvalidArgument */
export function partsAnswer({ bucket, key, query }: S3Request, parts: readonly UploadedPart[]): S3Answer {
  const most = countOf(query, "max-parts");
  const after = Number(query.get("part-number-marker") ?? 0);
  const left = parts.filter(({ number }) => number > after);
  const page = left.slice(0, most);
  const isTruncated = left.length > page.length;
  return {
    status: 200,
    headers: XML,
    body: xml("ListPartsResult", {
      Bucket: bucket,
      Key: key,
      UploadId: query.get("uploadId") ?? "",
      StorageClass: "STANDARD",
      PartNumberMarker: after,
      NextPartNumberMarker: isTruncated ? page.at(-1)?.number : undefined,
      MaxParts: most,
      IsTruncated: isTruncated,
      Part: page.map(({ number, etag, size, modifiedAt }) => ({
        PartNumber: number,
        LastModified: new Date(modifiedAt).toISOString(),
        ETag: etag,
        Size: size,
      })),
    }),
  };
}

/** @param all in any order. @throws S3Error InvalidArgument */
export function listUploads({ bucket, query }: S3Request, all: readonly OpenUpload[]): S3Answer {
  const most = countOf(query, "max-uploads");
  const [prefix = "", delimiter = "", keyMarker = "", idMarker] = [
    "prefix",
    "delimiter",
    "key-marker",
    "upload-id-marker",
  ].map((name) => query.get(name) ?? undefined);
  const isAfter = ({ key, id }: OpenUpload) => {
    const order = compareKeys(key, keyMarker);
    // Below a prefix that was listed all has been.
    if (delimiter !== "" && keyMarker.endsWith(delimiter) && key.startsWith(keyMarker)) return false;
    return order > 0 || (order === 0 && idMarker !== undefined && id > idMarker);
  };
  const sorted = all
    .filter((upload) => upload.key.startsWith(prefix) && (keyMarker === "" || isAfter(upload)))
    .sort((a, b) => compareKeys(a.key, b.key) || (a.id < b.id ? -1 : 1));
  const uploads: OpenUpload[] = [];
  const prefixes: string[] = [];
  let last: OpenUpload | undefined;
  let isTruncated = false;
  for (const upload of sorted) {
    const end = delimiter === "" ? -1 : upload.key.indexOf(delimiter, prefix.length);
    const common = end < 0 ? undefined : upload.key.slice(0, end + delimiter.length);
    if (common !== undefined && prefixes.at(-1) === common) continue;
    if (uploads.length + prefixes.length >= most) {
      isTruncated = true;
      break;
    }
    if (common === undefined) uploads.push(upload);
    else prefixes.push(common);
    last = { ...upload, key: common ?? upload.key };
  }
  const written = (text: string) =>
    query.get("encoding-type") === "url" ? encodeURIComponent(text).replaceAll("%2F", "/") : text;
  return {
    status: 200,
    headers: XML,
    body: xml("ListMultipartUploadsResult", {
      Bucket: bucket,
      Prefix: written(prefix),
      Delimiter: delimiter === "" ? undefined : written(delimiter),
      KeyMarker: written(keyMarker),
      UploadIdMarker: idMarker ?? "",
      NextKeyMarker: isTruncated && last !== undefined ? written(last.key) : undefined,
      NextUploadIdMarker: isTruncated ? last?.id : undefined,
      EncodingType: query.get("encoding-type") === "url" ? "url" : undefined,
      MaxUploads: most,
      IsTruncated: isTruncated,
      Upload: uploads.map(({ key, id, begunAt }) => ({
        Key: written(key),
        UploadId: id,
        StorageClass: "STANDARD",
        Initiated: new Date(begunAt).toISOString(),
      })),
      CommonPrefixes: prefixes.map((one) => ({ Prefix: written(one) })),
    }),
  };
}

/** As many as S3 gives at most. */
function countOf(query: URLSearchParams, name: string): number {
  const count = Number(query.get(name) ?? MOST);
  if (Number.isInteger(count) && count >= 0) return Math.min(count, MOST);
  throw new S3Error("InvalidArgument", `${name} is no number`);
}
