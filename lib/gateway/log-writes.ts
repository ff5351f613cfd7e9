/** Writes into logs: versions become commits of the catalog, the rest is taken, kept or refused by what it is (docs/writers.md). */

import { createHash, randomUUID } from "node:crypto";
import type { BoundedMap } from "../bounded-map.ts";
import { isLakeError } from "../errors.ts";
import type { CommitOutcome, GatewayCatalog } from "./catalog.ts";
import { actionLines, commitBody, fencedAgain, setsProtocol, type VersionPut } from "./commit-body.ts";
import { S3Error } from "./errors.ts";
import { drained, type S3Answer, type S3Request, wholeBody } from "./exchange.ts";
import { type LogPlace, versionOf } from "./log-names.ts";
import { partsAnswer } from "./upload-lists.ts";
import { xml } from "./xml.ts";

export interface LogWrites {
  readonly catalog: GatewayCatalog;
  readonly locate: (bucket: string, root: string) => Promise<string>;
  /** The name of a table that an engine makes here; undefined where engines make none. */
  readonly nameOf: (bucket: string, root: string) => string | undefined;
  /** Tables by their locations: a hint, which a commit finds out when it is wrong. */
  readonly known: BoundedMap<string, string>;
}

/** Bytes of a version: what the API takes. */
const MAX_VERSION_BYTES = 64 << 20;

/**
 * PUT of `<version>.json`: exactly this version, or 412, whether the request has If-None-Match or not.
 * @throws S3Error PreconditionFailed, AccessDenied, InvalidRequest; LakeError unavailable: nobody knows whether it is committed, and the same
 * bytes sent again find out
 */
export async function putVersion(writes: LogWrites, request: S3Request, place: LogPlace): Promise<S3Answer> {
  const version = versionOf(place.name) as number;
  const refuse = () => new S3Error("EntityTooLarge", `a version has at most ${MAX_VERSION_BYTES} bytes`);
  const bytes = await wholeBody(request.body, { bytes: MAX_VERSION_BYTES, refuse });
  const lines = actionLines(bytes);
  const location = await writes.locate(request.bucket, place.root);
  const outcome =
    version === 0
      ? await commitFirst(writes, { bytes, lines, location, nameHere: writes.nameOf(request.bucket, place.root) })
      : await commitNext(writes, { bytes, lines, location, version });
  if (outcome.status === "taken") {
    // Spark's classes look for these words, other engines for the status.
    throw new S3Error("PreconditionFailed", `412 Precondition Failed: ${outcome.message}`);
  }
  return { status: 200, headers: { etag: `"${createHash("md5").update(bytes).digest("hex")}"` } };
}

interface Asked {
  readonly bytes: Uint8Array;
  readonly lines: readonly string[];
  readonly location: string;
}

async function commitNext(writes: LogWrites, asked: Asked & { readonly version: number }): Promise<CommitOutcome> {
  const { location } = asked;
  const remembered = writes.known.get(location);
  if (remembered !== undefined) {
    try {
      return await commitTo(writes.catalog, remembered, asked);
    } catch (error) {
      if (!isLakeError(error, "notFound")) throw error;
      writes.known.delete(location);
    }
  }
  const table = await writes.catalog.tableAt(location);
  if (table === undefined) throw unknownTable(location);
  writes.known.set(location, table.tableId);
  return commitTo(writes.catalog, table.tableId, asked);
}

async function commitTo(
  catalog: GatewayCatalog,
  tableId: string,
  { bytes, lines, version }: Asked & { readonly version: number },
): Promise<CommitOutcome> {
  const isHidden = setsProtocol(lines) && (await catalog.isFenced(tableId));
  return send(catalog, { bytes, version, table: { tableId } }, isHidden ? fencedAgain(lines) : lines);
}

/** The table is named as it is called, where it is there: then these bytes may be those that have made it. */
async function commitFirst(
  writes: LogWrites,
  { bytes, lines, location, nameHere }: Asked & { readonly nameHere: string | undefined },
): Promise<CommitOutcome> {
  const there = await writes.catalog.tableAt(location);
  const name = there?.name ?? nameHere;
  if (name === undefined) throw unknownTable(location);
  const outcome = await send(writes.catalog, { bytes, version: 0, table: { name, location } }, lines);
  if (outcome.status === "committed" || there !== undefined) return outcome;
  if ((await writes.catalog.tableAt(location)) !== undefined) return outcome;
  throw new S3Error(
    "InvalidRequest",
    `the table at ${location} would be called ${name}, which another one is: give it a name with --table (NAME_TAKEN)`,
  );
}

function send(catalog: GatewayCatalog, put: VersionPut, lines: readonly string[]): Promise<CommitOutcome> {
  return catalog.commitVersion(commitBody(put, lines));
}

function unknownTable(location: string): S3Error {
  return new S3Error(
    "AccessDenied",
    `the catalog has no table at ${location}: take the one that is there in with dl import, and write then (TABLE_NOT_FOUND)`,
  );
}

/** What engines derive from versions is taken and put nowhere: the catalog writes its own. For a while its size can be asked for. */
export interface Derived {
  put(request: S3Request): Promise<S3Answer>;
  /** Parts are counted and dropped. */
  multipart(request: S3Request): Promise<S3Answer>;
  copy(request: S3Request): Promise<S3Answer>;
  head(request: S3Request): S3Answer | undefined;
}

const MAX_DERIVED = 1_000;
const XML = { "content-type": "application/xml" };

export function derivedFiles(now: () => number): Derived {
  const sizes = new Map<string, { readonly size: number; readonly etag: string; readonly at: number }>();
  const open = new Map<string, number>();
  const taken = (request: S3Request, size: number): string => {
    if (sizes.size >= MAX_DERIVED) sizes.delete(sizes.keys().next().value as string);
    const etag = `"dl-taken-${size.toString(16)}"`;
    sizes.set(`${request.bucket}/${request.key}`, { size, etag, at: now() });
    return etag;
  };
  return {
    async put(request) {
      return { status: 200, headers: { etag: taken(request, await drained(request.body)) } };
    },
    async multipart(request) {
      const { method, query, bucket, key, headers } = request;
      if (method === "GET") return partsAnswer(request, []);
      const size = await drained(request.body);
      const id = query.get("uploadId") ?? randomUUID();
      if (method === "PUT") {
        open.set(id, (open.get(id) ?? 0) + size);
        const etag = `"dl-part-${size.toString(16)}"`;
        if (headers["x-amz-copy-source"] === undefined) return { status: 200, headers: { etag } };
        const result = { ETag: etag, LastModified: new Date(now()).toISOString() };
        return { status: 200, headers: XML, body: xml("CopyPartResult", result) };
      }
      const whole = open.get(id) ?? 0;
      if (query.has("uploadId")) open.delete(id);
      if (method === "DELETE") return { status: 204 };
      if (!query.has("uploadId")) {
        return {
          status: 200,
          headers: XML,
          body: xml("InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId: id }),
        };
      }
      const done = { Bucket: bucket, Key: key, ETag: taken(request, whole) };
      return { status: 200, headers: XML, body: xml("CompleteMultipartUploadResult", done) };
    },
    async copy(request) {
      await drained(request.body);
      const result = { ETag: taken(request, 0), LastModified: new Date(now()).toISOString() };
      return { status: 200, headers: XML, body: xml("CopyObjectResult", result) };
    },
    head({ bucket, key }) {
      const known = sizes.get(`${bucket}/${key}`);
      if (known === undefined) return undefined;
      return {
        status: 200,
        headers: {
          etag: known.etag,
          "content-length": String(known.size),
          "last-modified": new Date(known.at).toUTCString(),
        },
      };
    },
  };
}
