/** Lists of objects (ListObjectsV2 and V1): what is asked, what is answered, and the XML in between. */

import { S3Error } from "./errors.ts";
import type { S3Answer, S3Request } from "./exchange.ts";
import { listOf, readXml, textOf, xml } from "./xml.ts";

export interface ListQuery {
  readonly isV2: boolean;
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  /** Keys and prefixes that end with what the cursor says, or come before, are left out. */
  readonly after: string;
  readonly maxKeys: number;
  readonly encodes: boolean;
}

export interface Listed {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly modifiedAt: number;
}

export interface ListPage {
  readonly objects: readonly Listed[];
  readonly prefixes: readonly string[];
  /** The last name of a page that is not the last one. */
  readonly next?: string;
}

const MOST_KEYS = 1000;

export function listQuery({ query }: S3Request): ListQuery {
  const isV2 = query.get("list-type") === "2";
  const token = query.get("continuation-token");
  const maxKeys = Number(query.get("max-keys") ?? MOST_KEYS);
  if (!Number.isInteger(maxKeys) || maxKeys < 0) throw new S3Error("InvalidArgument", "max-keys is no number of keys");
  return {
    isV2,
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    after: isV2 ? (token === null ? (query.get("start-after") ?? "") : tokenText(token)) : (query.get("marker") ?? ""),
    maxKeys: Math.min(maxKeys, MOST_KEYS),
    encodes: query.get("encoding-type") === "url",
  };
}

/** Opaque to clients. */
export function tokenOf(name: string): string {
  return Buffer.from(name).toString("base64url");
}

function tokenText(token: string): string {
  return Buffer.from(token, "base64url").toString();
}

/** @param bucket its name, for the answer */
export function listAnswer(bucket: string, asked: ListQuery, page: ListPage, token: string | null): S3Answer {
  const written = (name: string) => (asked.encodes ? encodeURIComponent(name).replaceAll("%2F", "/") : name);
  const { next } = page;
  const cursor = asked.isV2
    ? {
        KeyCount: page.objects.length + page.prefixes.length,
        ContinuationToken: token ?? undefined,
        StartAfter: token === null && asked.after !== "" ? written(asked.after) : undefined,
        NextContinuationToken: next === undefined ? undefined : tokenOf(next),
      }
    : { Marker: written(asked.after), NextMarker: next === undefined ? undefined : written(next) };
  return {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: xml("ListBucketResult", {
      Name: bucket,
      Prefix: written(asked.prefix),
      Delimiter: asked.delimiter === "" ? undefined : written(asked.delimiter),
      MaxKeys: asked.maxKeys,
      EncodingType: asked.encodes ? "url" : undefined,
      IsTruncated: next !== undefined,
      ...cursor,
      Contents: page.objects.map(({ key, size, etag, modifiedAt }) => ({
        Key: written(key),
        // Whole seconds, as S3 has them: a HEAD says no more, and Spark compares both.
        LastModified: new Date(Math.floor(modifiedAt / 1000) * 1000).toISOString(),
        ETag: etag,
        Size: size,
        StorageClass: "STANDARD",
      })),
      CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: written(prefix) })),
    }),
  };
}

/** What an upstream has listed; `next` is its own token. @throws S3Error when it is no list */
export function readList(body: Uint8Array): Omit<ListPage, "next"> & { readonly token?: string } {
  const content = readXml(body, "ListBucketResult");
  if (content === undefined) throw new S3Error("InternalError", "the upstream has answered something else than a list");
  const decode =
    textOf(content, "EncodingType") === "url"
      ? (text: string) => decodeURIComponent(text.replaceAll("+", " "))
      : (text: string) => text;
  const token = textOf(content, "NextContinuationToken");
  return {
    objects: listOf(content, "Contents").map((object) => ({
      key: decode(textOf(object, "Key")),
      size: Number(textOf(object, "Size")),
      etag: textOf(object, "ETag"),
      modifiedAt: Date.parse(textOf(object, "LastModified")),
    })),
    prefixes: listOf(content, "CommonPrefixes").map((prefix) => decode(textOf(prefix, "Prefix"))),
    ...(token === "" ? {} : { token }),
  };
}
