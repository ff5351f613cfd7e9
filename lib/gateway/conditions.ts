/** Conditions and ranges of reads (RFC 9110, sections 13 and 14), for objects that we answer ourselves. */

import { S3Error } from "./errors.ts";
import type { S3Answer, S3Request } from "./exchange.ts";

/** An object that can be read in parts. */
export interface Readable {
  readonly size: number;
  readonly etag: string;
  /** Milliseconds. */
  readonly modifiedAt: number;
  readonly type?: string;
  /** Bytes `start`…`end` (exclusive). */
  readonly read: (start: number, end: number) => Uint8Array | AsyncIterable<Uint8Array>;
}

/** Answers GET and HEAD. @throws S3Error PreconditionFailed, InvalidRange */
export function answerRead({ method, headers }: S3Request, object: Readable): S3Answer {
  const { size, etag, modifiedAt } = object;
  const told = {
    etag,
    "last-modified": new Date(modifiedAt).toUTCString(),
    "accept-ranges": "bytes",
    "content-type": object.type ?? "application/octet-stream",
  };
  if (isNotModified(headers, object)) return { status: 304, headers: told };
  const range = rangeOf(headers, size, etag);
  const [start, end] = range ?? [0, size];
  const body = method === "HEAD" ? {} : { body: object.read(start, end) };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...told,
      "content-length": String(end - start),
      ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${size}` }),
    },
    ...body,
  };
}

/** True where the client has it already. @throws S3Error PreconditionFailed */
function isNotModified(headers: S3Request["headers"], { etag, modifiedAt }: Readable): boolean {
  const seconds = Math.floor(modifiedAt / 1000) * 1000;
  const match = headers["if-match"];
  if (match !== undefined && !names(match, etag))
    throw new S3Error("PreconditionFailed", "412 Precondition Failed: If-Match");
  const until = Date.parse(headers["if-unmodified-since"] ?? "");
  if (match === undefined && seconds > until) {
    throw new S3Error("PreconditionFailed", "412 Precondition Failed: If-Unmodified-Since");
  }
  const other = headers["if-none-match"];
  if (other !== undefined) return names(other, etag);
  return seconds <= Date.parse(headers["if-modified-since"] ?? "");
}

function names(list: string, etag: string): boolean {
  return list.split(",").some((one) => ["*", etag, etag.replaceAll('"', "")].includes(one.trim()));
}

/** The one range that is asked for, start and end (exclusive); several are answered with all. @throws S3Error InvalidRange */
function rangeOf(headers: S3Request["headers"], size: number, etag: string): readonly [number, number] | undefined {
  const condition = headers["if-range"];
  const parts = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? "");
  if (parts === null || (parts[1] === "" && parts[2] === "") || (condition !== undefined && condition !== etag))
    return undefined;
  const [, first = "", last = ""] = parts;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (start < size && start < end) return [start, end];
  throw new S3Error("InvalidRange", `the object has ${size} bytes`);
}
