/** Multipart uploads into an object store: parts lie in a folder that no bucket can have, until they become one object. */

import type { ObjectStore } from "../../ports.ts";
import { S3Error } from "../errors.ts";
import { drained, type S3Answer, type S3Request, wholeBody } from "../exchange.ts";
import { listOf, readXml, textOf, xml } from "../xml.ts";

/** No name of a bucket begins so. */
const FOLDER = ".uploads";
const PIECE = 1 << 20;
const MAX_COMPLETE_BYTES = 4 << 20;
const XML = { "content-type": "application/xml" };

export interface Uploads {
  /** @param put makes the object of the parts */
  answer(
    request: S3Request,
    name: string,
    put: (body: AsyncIterable<Uint8Array>) => Promise<S3Answer>,
  ): Promise<S3Answer>;
}

export function uploadsIn(store: ObjectStore, newId: () => string): Uploads {
  return {
    async answer(request, name, put) {
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
      if (method === "PUT") return putPart(store, request, id);
      if (method === "DELETE") {
        await removeUpload(store, id);
        return { status: 204 };
      }
      if (method !== "POST") throw new S3Error("NotImplemented", "the parts of an upload cannot be listed here");
      const parts = await partsOf(store, request, id);
      const { headers } = await put(whole(store, parts));
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

async function putPart(store: ObjectStore, { query, body, headers }: S3Request, id: string): Promise<S3Answer> {
  const number = Number(query.get("partNumber"));
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new S3Error("InvalidArgument", "partNumber is from 1 to 10000");
  }
  if (headers["x-amz-copy-source"] !== undefined) throw new S3Error("NotImplemented", "parts cannot be copied here");
  const key = partKey(id, number);
  await store.put(key, body);
  return { status: 200, headers: { etag: etagOf(await store.head(key)) } };
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
