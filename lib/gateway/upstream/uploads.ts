/** Multipart uploads into an object store: parts lie in a folder that no bucket can have, until they become one object. */

import type { ObjectStore } from "../../ports.ts";
import { S3Error } from "../errors.ts";
import { drained, type S3Answer, type S3Request, wholeBody } from "../exchange.ts";
import { listUploads, type OpenUpload, partsAnswer } from "../upload-lists.ts";
import { listOf, readXml, textOf, xml } from "../xml.ts";

/** No name of a bucket begins so. */
const FOLDER = ".uploads";
const PIECE = 1 << 20;
const MAX_COMPLETE_BYTES = 4 << 20;
const XML = { "content-type": "application/xml" };

export interface Uploads {
  answer(request: S3Request, name: string, objects: UploadObjects): Promise<S3Answer>;
  /** Those of a bucket that are neither finished nor given up. */
  list(request: S3Request): Promise<S3Answer>;
}

export interface UploadObjects {
  /** Makes the object of the parts. */
  put(body: AsyncIterable<Uint8Array>): Promise<S3Answer>;
  /** What a part is copied from, as the request names it. */
  copied(): Promise<{ readonly body: AsyncIterable<Uint8Array> }>;
}

export function uploadsIn(store: ObjectStore, newId: () => string): Uploads {
  return {
    async list(request) {
      return listUploads(request, await openUploads(store, `${request.bucket}/`));
    },
    async answer(request, name, objects) {
      const { method, query, bucket, key } = request;
      const id = query.get("uploadId");
      if (id === null) {
        await drained(request.body);
        const UploadId = newId();
        await store.put(`${FOLDER}/${UploadId}/name`, new TextEncoder().encode(name));
        return {
          status: 200,
          headers: XML,
          body: xml("InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId }),
        };
      }
      await checkUpload(store, id, name);
      if (method === "PUT") return putPart(store, request, { id, objects });
      if (method === "DELETE") {
        await removeUpload(store, id);
        return { status: 204 };
      }
      if (method === "GET") return partsAnswer(request, await partsThere(store, id));
      if (method !== "POST")
        throw new S3Error("MethodNotAllowed", "an upload is put in parts, finished, given up or listed");
      const parts = await partsOf(store, request, id);
      const { headers } = await objects.put(whole(store, parts));
      await removeUpload(store, id);
      const done = { Bucket: bucket, Key: key, ETag: headers?.etag };
      return { status: 200, headers: XML, body: xml("CompleteMultipartUploadResult", done) };
    },
  };
}

async function checkUpload(store: ObjectStore, id: string, name: string): Promise<void> {
  const found = /^[0-9a-f-]{36}$/.test(id) ? await store.get(`${FOLDER}/${id}/name`) : undefined;
  if (found !== undefined && new TextDecoder().decode(found.bytes) === name) return;
  throw new S3Error(
    "NoSuchUpload",
    "there is no such upload of this object: it was finished, given up, or never begun",
  );
}

function partKey(id: string, number: number): string {
  return `${FOLDER}/${id}/${String(number).padStart(5, "0")}`;
}

async function putPart(
  store: ObjectStore,
  { query, body, headers }: S3Request,
  { id, objects }: { readonly id: string; readonly objects: UploadObjects },
): Promise<S3Answer> {
  const number = Number(query.get("partNumber"));
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new S3Error("InvalidArgument", "partNumber is from 1 to 10000");
  }
  const key = partKey(id, number);
  const isCopied = headers["x-amz-copy-source"] !== undefined;
  if (isCopied) await drained(body);
  await store.put(key, isCopied ? (await objects.copied()).body : body);
  const info = await store.head(key);
  const etag = etagOf(info);
  if (!isCopied) return { status: 200, headers: { etag } };
  const done = { ETag: etag, LastModified: new Date(info?.modifiedAt ?? 0).toISOString() };
  return { status: 200, headers: XML, body: xml("CopyPartResult", done) };
}

/** In the order of their numbers. */
async function partsThere(store: ObjectStore, id: string) {
  const parts = [];
  const folder = `${FOLDER}/${id}/`;
  for await (const { key } of store.list(folder)) {
    const number = Number(key.slice(folder.length));
    const info = Number.isInteger(number) ? await store.head(key) : undefined;
    if (info !== undefined) parts.push({ number, etag: etagOf(info), size: info.size, modifiedAt: info.modifiedAt });
  }
  return parts;
}

/** Of the objects whose names begin so. */
async function openUploads(store: ObjectStore, prefix: string): Promise<readonly OpenUpload[]> {
  const uploads: OpenUpload[] = [];
  for await (const id of store.listFolders(`${FOLDER}/`)) {
    // One that ends meanwhile is none.
    const found = await store.get(`${FOLDER}/${id}/name`);
    const name = found === undefined ? "" : new TextDecoder().decode(found.bytes);
    if (found === undefined || !name.startsWith(prefix)) continue;
    uploads.push({ key: name.slice(prefix.length), id, begunAt: found.info.modifiedAt });
  }
  return uploads;
}

function etagOf(info: { readonly size: number; readonly modifiedAt: number } | undefined): string {
  return `"${info?.modifiedAt.toString(16)}-${info?.size.toString(16)}"`;
}

interface Part {
  readonly key: string;
  readonly size: number;
}

/** @throws S3Error MalformedXML, InvalidPart */
async function partsOf(store: ObjectStore, { body }: S3Request, id: string): Promise<readonly Part[]> {
  const refuse = () => new S3Error("EntityTooLarge", "an object has at most 10,000 parts");
  const content = readXml(await wholeBody(body, { bytes: MAX_COMPLETE_BYTES, refuse }), "CompleteMultipartUpload");
  const named = listOf(content, "Part");
  if (named.length === 0) throw new S3Error("MalformedXML", "the body names no parts");
  const parts: Part[] = [];
  for (const part of named) {
    const info = await store.head(partKey(id, Number(textOf(part, "PartNumber"))));
    if (info === undefined || etagOf(info).replaceAll('"', "") !== textOf(part, "ETag").replaceAll('"', "")) {
      throw new S3Error("InvalidPart", `part ${textOf(part, "PartNumber")} is not the one that was uploaded`);
    }
    parts.push({ key: info.key, size: info.size });
  }
  return parts;
}

async function* whole(store: ObjectStore, parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  for (const { key, size } of parts) {
    for (let at = 0; at < size; at += PIECE) yield store.getRange(key, at, Math.min(size, at + PIECE));
  }
}

async function removeUpload(store: ObjectStore, id: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(`${FOLDER}/${id}/`)) keys.push(key);
  // The name goes last: without it nobody can go on with what is half removed.
  await store.remove(keys.filter((key) => !key.endsWith("/name")));
  await store.remove(keys.filter((key) => key.endsWith("/name")));
}
