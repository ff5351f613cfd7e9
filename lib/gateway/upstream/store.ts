/** S3's protocol over an object store of ours: a folder behind the gateway answers as a bucket would. */

import { BoundedMap } from "../../bounded-map.ts";
import { isLakeError } from "../../errors.ts";
import type { ObjectInfo, ObjectStore } from "../../ports.ts";
import { answerRead, type Readable } from "../conditions.ts";
import { S3Error } from "../errors.ts";
import { drained, type S3Answer, type S3Request, type Upstream, verbOf, wholeBody } from "../exchange.ts";
import { type Listed, type ListPage, type ListQuery, listAnswer, listQuery } from "../listing.ts";
import { copySource, deleteAnswer, readDelete } from "../many.ts";
import { xml } from "../xml.ts";
import { type Uploads, uploadsIn } from "./uploads.ts";

/** Bytes that are read at once. */
const PIECE = 1 << 20;
/** Empty folders that clients have made; a bucket has none, and nothing but a listing shows them. */
const MAX_MARKERS = 10_000;
type Markers = BoundedMap<string, true>;
const MAX_REPLACED = 64 << 20;

/** @param store its top folders are the buckets */
export function storeUpstream(store: ObjectStore, { newId }: { readonly newId: () => string }): Upstream {
  const markers: Markers = new BoundedMap(MAX_MARKERS);
  const uploads = uploadsIn(store, newId);
  return {
    async send(request) {
      checkBucket(request.bucket);
      return answer(store, request, { markers, uploads });
    },
  };
}

/** What lies beside the buckets is nobody's object. */
function checkBucket(bucket: string): void {
  if (bucket === "" || /^[^a-zA-Z0-9]|[/\\]/.test(bucket)) throw new S3Error("NoSuchBucket", "there is no such bucket");
}

interface Beside {
  readonly markers: Markers;
  readonly uploads: Uploads;
}

async function answer(store: ObjectStore, request: S3Request, { markers, uploads }: Beside): Promise<S3Answer> {
  const name = `${request.bucket}/${request.key}`;
  switch (verbOf(request)) {
    case "get":
    case "head":
      return read(store, request, name, markers);
    case "put":
      if (name.endsWith("/")) return mark(request, name, markers);
      return put(store, request, name, request.body);
    case "copy":
      return copy(store, request, name);
    case "delete":
      return deleteOne(store, request, name, markers);
    case "deleteMany":
      return deleteMany(store, request, markers);
    case "list":
      return list(store, request, markers);
    case "multipart":
      return uploads.answer(request, name, {
        put: (body) => put(store, request, name, body),
        copied: async () => ({ body: await copiedRange(store, request) }),
      });
    default:
      if (request.key === "" && request.method === "GET" && request.query.has("uploads")) return uploads.list(request);
      return aboutBucket(request);
  }
}

function aboutBucket({ method, key, query }: S3Request): S3Answer {
  if (key === "" && method === "HEAD") return { status: 200, headers: { "x-amz-bucket-region": "us-east-1" } };
  if (key === "" && query.has("location")) return { status: 200, headers: XML, body: xml("LocationConstraint", {}) };
  throw new S3Error("NotImplemented", "a folder behind the gateway knows objects, and nothing else of S3");
}

const XML = { "content-type": "application/xml" };

/** A weak one would do; engines compare it to notice that an object has been replaced. */
export function etagOf({ size, modifiedAt }: ObjectInfo): string {
  return `"${modifiedAt.toString(16)}-${size.toString(16)}"`;
}

/** A folder holds no object that it could not name: whoever looks for one finds none. */
async function unlessUnnameable<T>(asking: Promise<T>): Promise<T | undefined> {
  return asking.catch((error: unknown) => {
    if (isLakeError(error, "invalid")) return undefined;
    throw error;
  });
}

async function read(store: ObjectStore, request: S3Request, name: string, markers: Markers): Promise<S3Answer> {
  const info = name.endsWith("/") ? undefined : await unlessUnnameable(store.head(name));
  if (info !== undefined) return answerRead(request, readable(store, info));
  if (markers.has(name))
    return answerRead(request, { size: 0, etag: '"0"', modifiedAt: 0, read: () => new Uint8Array() });
  throw new S3Error("NoSuchKey", `there is no object ${request.key}`);
}

function readable(store: ObjectStore, info: ObjectInfo): Readable {
  return {
    size: info.size,
    etag: etagOf(info),
    modifiedAt: info.modifiedAt,
    read: (start, end) => bytesOf(store, info, start, end),
  };
}

async function* bytesOf(
  store: ObjectStore,
  { key }: ObjectInfo,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += PIECE) yield store.getRange(key, at, Math.min(end, at + PIECE));
}

/** A folder, as Hadoop makes it. */
async function mark({ body }: S3Request, name: string, markers: Markers): Promise<S3Answer> {
  if ((await drained(body)) > 0)
    throw new S3Error("InvalidRequest", "an object whose name ends in / has no bytes here");
  markers.set(name, true);
  return { status: 200, headers: { etag: '"0"' } };
}

async function put(
  store: ObjectStore,
  { headers }: Pick<S3Request, "headers">,
  name: string,
  body: AsyncIterable<Uint8Array>,
): Promise<S3Answer> {
  if (headers["if-none-match"] === "*") {
    if ((await store.putIfAbsent(name, body)) === "exists") throw preconditionFailed("If-None-Match");
  } else {
    const match = headers["if-match"];
    if (match === undefined) await store.put(name, body);
    else await replace(store, name, match, body);
  }
  const info = await store.head(name);
  return { status: 200, headers: info === undefined ? {} : { etag: etagOf(info) } };
}

/** Compared and replaced in one step, for which the bytes are held: what is replaced so is small. */
async function replace(
  store: ObjectStore,
  name: string,
  match: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const refuse = () => new S3Error("EntityTooLarge", `an object that is replaced has at most ${MAX_REPLACED} bytes`);
  const to = await wholeBody(body, { bytes: MAX_REPLACED, refuse });
  const found = await store.get(name);
  if (found === undefined) throw new S3Error("NoSuchKey", `there is no object ${name}`);
  const isReplaced = etagOf(found.info) === match && (await store.replaceIf(name, { from: found.bytes, to }));
  if (!isReplaced) throw preconditionFailed("If-Match");
}

function preconditionFailed(header: string): S3Error {
  return new S3Error("PreconditionFailed", `412 Precondition Failed: ${header}`);
}

async function copy(store: ObjectStore, request: S3Request, name: string): Promise<S3Answer> {
  await drained(request.body);
  const info = await sourceInfo(store, request);
  const { headers } = await put(store, request, name, bytesOf(store, info, 0, info.size));
  return {
    status: 200,
    headers: XML,
    body: xml("CopyObjectResult", { ETag: headers?.etag, LastModified: new Date(info.modifiedAt).toISOString() }),
  };
}

/** @throws S3Error NoSuchBucket, NoSuchKey, PreconditionFailed */
async function sourceInfo(store: ObjectStore, request: S3Request): Promise<ObjectInfo> {
  const source = copySource(request);
  checkBucket(source.split("/")[0] ?? "");
  const info = await store.head(source);
  if (info === undefined) throw new S3Error("NoSuchKey", `there is no object ${source}`);
  checkSource(request, info);
  return info;
}

/** Conditions on what is copied. @throws S3Error PreconditionFailed */
function checkSource({ headers }: S3Request, info: ObjectInfo): void {
  const of = (name: string) => headers[`x-amz-copy-source-if-${name}`];
  const etag = etagOf(info);
  const isSame = (wanted: string) => [etag, etag.replaceAll('"', "")].includes(wanted.trim());
  const seconds = Math.floor(info.modifiedAt / 1000) * 1000;
  const [match, other] = [of("match"), of("none-match")];
  const fails =
    (match !== undefined && !isSame(match)) ||
    (match === undefined && seconds > Date.parse(of("unmodified-since") ?? "")) ||
    (other !== undefined && isSame(other)) ||
    (other === undefined && seconds <= Date.parse(of("modified-since") ?? ""));
  if (fails) throw preconditionFailed("x-amz-copy-source-if");
}

/** Of a part: all of the object, or the range that is asked for. @throws S3Error InvalidRange */
async function copiedRange(store: ObjectStore, request: S3Request): Promise<AsyncIterable<Uint8Array>> {
  const info = await sourceInfo(store, request);
  const range = request.headers["x-amz-copy-source-range"];
  if (range === undefined) return bytesOf(store, info, 0, info.size);
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
  if (first === undefined || Number(first) > Number(last) || Number(last) >= info.size) {
    throw new S3Error("InvalidRange", `the object has ${info.size} bytes, and the range ${range} is no part of it`);
  }
  return bytesOf(store, info, Number(first), Number(last) + 1);
}

async function deleteOne(
  store: ObjectStore,
  { headers, key }: S3Request,
  name: string,
  markers: Markers,
): Promise<S3Answer> {
  markers.delete(name);
  if (name.endsWith("/")) return { status: 204 };
  const match = headers["if-match"];
  if (match !== undefined) {
    const found = await store.get(name);
    if (found === undefined) throw new S3Error("NoSuchKey", `there is no object ${key}`);
    const isGone = etagOf(found.info) === match && (await store.removeIf(name, found.bytes));
    if (!isGone) throw preconditionFailed("If-Match");
    return { status: 204 };
  }
  const [failed] = (await unlessUnnameable(store.remove([name]))) ?? [];
  if (failed !== undefined) throw failed.error;
  return { status: 204 };
}

async function deleteMany(store: ObjectStore, request: S3Request, markers: Markers): Promise<S3Answer> {
  const { keys } = await readDelete(request);
  for (const key of keys) markers.delete(`${request.bucket}/${key}`);
  const files = keys.filter((key) => !key.endsWith("/")).map((key) => `${request.bucket}/${key}`);
  const failed = await store.remove(files);
  const refused = new Map(failed.map(({ key, error }) => [key.slice(request.bucket.length + 1), error.message]));
  return deleteAnswer(keys, new Map([...refused].map(([key, message]) => [key, { code: "InternalError", message }])));
}

async function list(store: ObjectStore, request: S3Request, markers: Markers): Promise<S3Answer> {
  const asked = listQuery(request);
  const page = (await unlessUnnameable(pageOf(store, request.bucket, asked, markers))) ?? { objects: [], prefixes: [] };
  return listAnswer(request.bucket, asked, page, request.query.get("continuation-token"));
}

/** What follows all names that begin with a prefix. */
const LAST = "\u{10FFFF}";

async function pageOf(store: ObjectStore, bucket: string, asked: ListQuery, markers: Markers): Promise<ListPage> {
  const { prefix, delimiter, maxKeys } = asked;
  const root = `${bucket}/`;
  const objects: Listed[] = [];
  const prefixes: string[] = [];
  let startAfter = asked.after.endsWith("/") && delimiter !== "" ? `${asked.after}${LAST}` : asked.after;
  let last = "";
  const isFull = () => objects.length + prefixes.length >= maxKeys;
  for (let goesOn = maxKeys > 0; goesOn; ) {
    goesOn = false;
    for await (const info of store.list(`${root}${prefix}`, { startAfter: `${root}${startAfter}` })) {
      const key = info.key.slice(root.length);
      if (isFull()) return { objects, prefixes, next: last };
      const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
      if (end < 0) {
        objects.push({ key, size: info.size, etag: etagOf(info), modifiedAt: info.modifiedAt });
        last = key;
        continue;
      }
      // Whatever else lies below is passed over: the walk begins anew behind it.
      last = key.slice(0, end + delimiter.length);
      prefixes.push(last);
      startAfter = `${last}${LAST}`;
      goesOn = true;
      break;
    }
  }
  if (objects.length + prefixes.length === 0 && asked.after === "" && markers.has(`${root}${prefix}`)) {
    return { objects: [{ key: prefix, size: 0, etag: '"0"', modifiedAt: 0 }], prefixes };
  }
  return { objects, prefixes };
}
