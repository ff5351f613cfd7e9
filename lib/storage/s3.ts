/** An object store on S3, or on a server that speaks S3 with conditional writes. Objects appear whole and are created once. */

import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { deadlineMs } from "../deadlines.ts";
import { isLakeError } from "../errors.ts";
import type { ObjectBody, ObjectInfo, ObjectStore, Waiting } from "../ports.ts";
import { checkKey } from "./keys.ts";
import { ask, changeIfMatch, createIfAbsent, type Sending } from "./s3-calls.ts";
import { sayEncryption } from "./s3-encryption.ts";
import type { S3Place } from "./s3-errors.ts";
import { removeObjects } from "./s3-remove.ts";
import { bodyParts, uploadParts } from "./s3-upload.ts";

/** What S3 has within a second: nearly every version of a table. */
const SMALL_BYTES = 1024 * 1024;

export interface S3StoreOptions {
  readonly bucket: string;
  /** Where the store begins in the bucket, without slashes around it; empty for the whole bucket. */
  readonly prefix: string;
  /** One for all stores if absent: region, endpoint and credentials from the SDK's own environment. */
  readonly client?: S3Client;
}

/** A client that tries once: retries are ours, as its own would hide whether a write happened. */
export function newS3Client({ silenceMs = deadlineMs("s3Silence") }: { readonly silenceMs?: number } = {}): S3Client {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const client = new S3Client({
    maxAttempts: 1,
    // Servers other than AWS have no host name for each bucket, and know no CRC trailers.
    forcePathStyle: Boolean(AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: deadlineMs("s3Connection"), socketTimeout: silenceMs },
  });
  return sayEncryption(client);
}

let shared: S3Client | undefined;

function sharedClient(): S3Client {
  shared ??= newS3Client();
  return shared;
}

/** Opens the store; the first call finds out whether the bucket exists. */
export function openS3Store({ bucket, prefix, client = sharedClient() }: S3StoreOptions): ObjectStore {
  const place: S3Place = { client, bucket, root: prefix === "" ? "" : `${prefix}/` };
  return {
    list: (below, { startAfter } = {}) => listObjects(place, below, startAfter),
    listFolders: (below) => listFolders(place, below),
    head: (key, options) => orUndefined(headObject(place, key, options)),
    get: (key) => orUndefined(getObject(place, key)),
    getRange: (key, start, end, options) => getRange(place, key, start, end, options),
    putIfAbsent: (key, body) => write(place, key, body, "ifAbsent"),
    async put(key, body) {
      await write(place, key, body, "replace");
    },
    removeIf: (key, bytes) =>
      ifMatches(place, key, bytes, (etag, sending) =>
        client.send(new DeleteObjectCommand({ ...target(place, key), IfMatch: etag }), sending),
      ),
    replaceIf: (key, { from, to }) =>
      ifMatches(place, key, from, (etag, sending) =>
        client.send(new PutObjectCommand({ ...target(place, key), Body: to, IfMatch: etag }), sending),
      ),
    async remove(keys) {
      for (const key of keys) checkKey(key);
      return removeObjects(place, keys);
    },
  };
}

async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isLakeError(error, "notFound")) return undefined;
    throw error;
  }
}

// ---------------------------------------------------------------- reading

/** S3 lists by the UTF-8 bytes of keys, which is the order that the port asks for. */
async function* listObjects(place: S3Place, prefix: string, startAfter?: string): AsyncGenerator<ObjectInfo> {
  const { client, bucket, root } = place;
  const wanted = {
    Bucket: bucket,
    Prefix: root + prefix,
    ...(startAfter === undefined ? {} : { StartAfter: root + startAfter }),
  };
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({ ...wanted, ContinuationToken: token });
    const page = await ask(place, { action: "list", key: prefix }, (sending) => client.send(command, sending));
    for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
      // Empty objects that consoles show as folders; no key of ours ends so.
      if (Key.endsWith("/")) continue;
      yield { key: Key.slice(root.length), size: Size, modifiedAt: LastModified?.getTime() ?? 0 };
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** A call for every thousand objects and folders that are directly there, however many lie below. */
async function* listFolders(place: S3Place, prefix: string): AsyncGenerator<string> {
  const { client, bucket, root } = place;
  const wanted = { Bucket: bucket, Prefix: root + prefix, Delimiter: "/" };
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({ ...wanted, ContinuationToken: token });
    const page = await ask(place, { action: "list", key: prefix }, (sending) => client.send(command, sending));
    for (const { Prefix = "" } of page.CommonPrefixes ?? []) yield Prefix.slice(root.length + prefix.length, -1);
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

async function headObject(place: S3Place, key: string, { signal }: Waiting = {}): Promise<ObjectInfo> {
  const command = new HeadObjectCommand(target(place, key));
  const call = { action: "read", key, signal } as const;
  const head = await ask(place, call, (sending) => place.client.send(command, sending));
  return { key, size: head.ContentLength ?? 0, modifiedAt: head.LastModified?.getTime() ?? 0 };
}

async function getObject(
  place: S3Place,
  key: string,
): Promise<{ readonly bytes: Uint8Array; readonly info: ObjectInfo }> {
  const command = new GetObjectCommand(target(place, key));
  return ask(place, { action: "read", key }, async (sending) => {
    const { Body, LastModified } = await place.client.send(command, sending);
    // Within the attempt: a connection may break in the middle of a body.
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
    return { bytes, info: { key, size: bytes.length, modifiedAt: LastModified?.getTime() ?? 0 } };
  });
}

async function getRange(
  place: S3Place,
  key: string,
  start: number,
  end: number,
  { signal }: Waiting = {},
): Promise<Uint8Array> {
  if (end <= start) {
    await headObject(place, key);
    return new Uint8Array();
  }
  const command = new GetObjectCommand({ ...target(place, key), Range: `bytes=${start}-${end - 1}` });
  return ask(place, { action: "read", key, signal }, async (sending) => {
    try {
      const { Body, ContentRange } = await place.client.send(command, sending);
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      // A server may send the whole object instead.
      return ContentRange === undefined ? bytes.slice(start, end) : bytes;
    } catch (error) {
      // The range begins after the end of the object.
      if (error instanceof Error && error.name === "InvalidRange") return new Uint8Array();
      throw error;
    }
  });
}

// ---------------------------------------------------------------- writing

async function write(
  place: S3Place,
  key: string,
  body: ObjectBody,
  where: "ifAbsent" | "replace",
): Promise<"created" | "exists"> {
  checkKey(key);
  if (body instanceof Uint8Array) return putWhole(place, key, body, where);
  const parts = bodyParts(body);
  try {
    const { value: first = new Uint8Array() } = await parts.next();
    const second = await parts.next();
    if (second.done) return await putWhole(place, key, first, where);
    const all = async function* (): AsyncGenerator<Uint8Array> {
      yield first;
      yield second.value;
      yield* parts;
    };
    return await uploadParts(place, key, all(), where);
  } finally {
    // Whatever was not read of the source is closed.
    await parts.return();
  }
}

async function putWhole(
  place: S3Place,
  key: string,
  bytes: Uint8Array,
  where: "ifAbsent" | "replace",
): Promise<"created" | "exists"> {
  // S3 compares it with what arrives; a bucket with Object Lock takes nothing without.
  const object = { ...target(place, key), Body: bytes, ChecksumAlgorithm: "CRC32" as const };
  if (where === "ifAbsent") {
    const command = new PutObjectCommand({ ...object, IfNoneMatch: "*" });
    const limit = bytes.length > SMALL_BYTES ? undefined : deadlineMs("s3SmallWrite");
    return createIfAbsent(place, key, ["raced", "busy"], (sending) => place.client.send(command, sending), limit);
  }
  await ask(place, { action: "write", key }, (sending) => place.client.send(new PutObjectCommand(object), sending));
  return "created";
}

/** By the ETag of the bytes: what another writer puts in between stays. */
async function ifMatches(
  place: S3Place,
  key: string,
  bytes: Uint8Array,
  send: (etag: string | undefined, sending: Sending) => Promise<unknown>,
): Promise<boolean> {
  const found = await orUndefined(
    ask(place, { action: "read", key }, async (sending) => {
      const { Body, ETag } = await place.client.send(new GetObjectCommand(target(place, key)), sending);
      return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), etag: ETag };
    }),
  );
  if (!found || Buffer.compare(found.bytes, bytes) !== 0) return false;
  return (await changeIfMatch(place, key, (sending) => send(found.etag, sending))) === "changed";
}

/** @throws LakeError invalid for keys that no store could hold */
function target({ bucket, root }: S3Place, key: string): { readonly Bucket: string; readonly Key: string } {
  checkKey(key);
  return { Bucket: bucket, Key: root + key };
}
