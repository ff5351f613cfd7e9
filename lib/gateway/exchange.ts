/** What goes through the gateway: a request of S3's protocol, and the answer to it. Bodies are streams, and held by nobody. */

import type { Principal } from "../access/principal.ts";

/** Who makes a request: the holder of an access key of the catalog. */
export type Caller = Principal;

/** One call of S3, whatever style its address was in. */
export interface S3Request {
  /** Absent: whoever the gateway itself is. */
  readonly caller?: Caller | undefined;
  /** In capitals. */
  readonly method: string;
  readonly bucket: string;
  /** Decoded; empty for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** By names in small letters. Without those of the connection and of the signature. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without the framing of `aws-chunked`, and checked: it fails before its last byte where a checksum does not fit. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Bytes of the body. */
  readonly length: number;
}

export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** What the objects are behind. @throws LakeError; S3Error for what S3 itself would answer */
export interface Upstream {
  send(request: S3Request): Promise<S3Answer>;
}

/** What a request is about; a table of these decides who answers it. */
export type Verb = "get" | "head" | "put" | "copy" | "delete" | "list" | "deleteMany" | "multipart" | "other";

export function verbOf({ method, key, query, headers }: S3Request): Verb {
  if (query.has("uploadId") || query.has("uploads")) return key === "" ? "other" : "multipart";
  if (key === "") {
    if (method === "POST" && query.has("delete")) return "deleteMany";
    return method === "GET" && ![...query.keys()].some((name) => OF_BUCKETS.has(name)) ? "list" : "other";
  }
  if ([...query.keys()].some((name) => OF_OBJECTS.has(name))) return "other";
  if (method === "PUT") return headers["x-amz-copy-source"] === undefined ? "put" : "copy";
  const verbs: Readonly<Record<string, Verb>> = { GET: "get", HEAD: "head", DELETE: "delete" };
  return verbs[method] ?? "other";
}

/** Parameters that ask for something else than objects. */
const OF_BUCKETS = new Set(["location", "versioning", "versions", "acl", "policy", "uploads", "tagging", "lifecycle"]);
const OF_OBJECTS = new Set(["acl", "tagging", "attributes", "torrent", "retention", "legal-hold", "select", "restore"]);

/** The same request with other bytes. */
export function withBody(request: S3Request, bytes: Uint8Array): S3Request {
  return { ...request, body: once(bytes), length: bytes.length };
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** @throws S3Error EntityTooLarge */
export async function wholeBody(
  body: AsyncIterable<Uint8Array>,
  limit: { readonly bytes: number; readonly refuse: () => Error },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit.bytes) throw limit.refuse();
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, length));
}

/** Takes a body that nobody wants. @returns its bytes */
export async function drained(body: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0;
  for await (const chunk of body) length += chunk.length;
  return length;
}
