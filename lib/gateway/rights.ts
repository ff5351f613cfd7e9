/**
 * What a caller with a key of the catalog may do to objects. Commits are judged by the API; everything else goes through to what is behind the
 * gateway with rights of its own, so it is judged here, by the table that the object belongs to.
 */

import { S3Error, unlessAbsent } from "./errors.ts";
import type { Caller, S3Request, Upstream, Verb } from "./exchange.ts";
import { logFileOf, logPlaceOf } from "./log-names.ts";
import { copySource } from "./many.ts";

/**
 * - `look`: whether something is there, its size, and the names of the next folders.
 * - `read`: its bytes. `list`: the names of all that is below.
 * - `add`: what was not there before. `change`: replace, remove.
 */
export type Deed = "look" | "read" | "list" | "add" | "change";

export interface ObjectPlace {
  readonly bucket: string;
  /** Of an object, or with a slash at its end of a folder; empty for the bucket. */
  readonly key: string;
}

export interface ObjectRights {
  /** @throws LakeError unavailable */
  may(caller: Caller, deed: Deed, place: ObjectPlace): Promise<boolean>;
}

/** @returns the request as it may be sent. @throws S3Error AccessDenied, NoSuchKey; LakeError unavailable */
export async function permitted(
  { rights, upstream }: { readonly rights: ObjectRights; readonly upstream: Upstream },
  request: S3Request & { readonly caller: Caller },
  verb: Verb,
): Promise<S3Request> {
  const { caller, bucket, key } = request;
  const may = (deed: Deed, place: ObjectPlace = { bucket, key }) => rights.may(caller, deed, place);
  const need = async (deed: Deed, place?: ObjectPlace) => {
    if (!(await may(deed, place))) throw denied(request, deed);
  };
  if (Object.entries(request.headers).some(opensToOthers)) throw denied(request, "change");
  switch (verb) {
    case "get":
      if (await may("read")) return request;
      await need("look");
      // Whoever makes a table looks first whether one is there.
      if (await unlessAbsent(upstream.send({ ...request, method: "HEAD", headers: {} }))) throw denied(request, "read");
      throw new S3Error("NoSuchKey", `there is no object ${key}`);
    case "head":
      await need("look");
      return request;
    case "list":
      await needList(request, need);
      return request;
    case "put":
      // Judged by the API, or put nowhere.
      if (judgedElsewhere(key)) return request;
      return (await may("change")) ? request : added(request, need);
    case "copy":
      await need("read", sourceOf(request));
      if (!judgedElsewhere(key)) await need("change");
      return request;
    case "delete":
      await need(judgedElsewhere(key) ? "look" : "change");
      return request;
    case "multipart":
      if (request.headers["x-amz-copy-source"] !== undefined) await need("read", sourceOf(request));
      if (request.method === "GET") await need("look");
      else if (!judgedElsewhere(key) && !(await may("change"))) return added(request, need);
      return request;
    case "deleteMany":
      return request;
    default:
      return aboutBucket(request, need);
  }
}

type Need = (deed: Deed, place?: ObjectPlace) => Promise<void>;

/** With one delimiter nothing is shown of a table but that there is one. */
async function needList({ bucket, query }: S3Request, need: Need): Promise<void> {
  const prefix = query.get("prefix") ?? "";
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  await need(query.get("delimiter") === "/" ? "look" : "list", { bucket, key: folder });
}

/** Under the condition that it is new. */
async function added(request: S3Request, need: Need): Promise<S3Request> {
  await need("add");
  const { key, length, headers, method, query } = request;
  // An empty folder that takes the place of an empty folder is none the less new.
  if (key.endsWith("/") && length === 0 && method === "PUT") return request;
  const makes = method === "PUT" ? !query.has("uploadId") : method === "POST" && query.has("uploadId");
  if (!makes) return request;
  if (headers["if-match"] !== undefined) throw denied(request, "change");
  return { ...request, headers: { ...headers, "if-none-match": "*" } };
}

async function aboutBucket(request: S3Request, need: Need): Promise<S3Request> {
  const { method, key, query } = request;
  if (key === "" && (method === "HEAD" || (method === "GET" && query.has("location")))) return request;
  if (key === "" && method === "GET" && query.has("uploads")) {
    await needList(request, need);
    return request;
  }
  throw denied(request, "change");
}

/** Versions become commits; what follows from them is taken and put nowhere, and the rest of the catalog's is refused to everyone. */
function judgedElsewhere(key: string): boolean {
  const place = logPlaceOf(key);
  return place !== undefined && logFileOf(place.name) !== "other";
}

function sourceOf(request: S3Request): ObjectPlace {
  const source = copySource(request);
  const slash = source.indexOf("/");
  return slash < 0 ? { bucket: source, key: "" } : { bucket: source.slice(0, slash), key: source.slice(slash + 1) };
}

/** Headers by which an object would be given to others, or kept from its owner. */
function opensToOthers([name, value]: readonly [string, string]): boolean {
  if (name === "x-amz-acl") return !["private", "bucket-owner-full-control"].includes(value);
  return /^x-amz-(?:grant-|object-lock-|website-redirect)/.test(name);
}

/** Says the same whether there is a table or none. */
export function denied({ caller, bucket, key }: Pick<S3Request, "caller" | "bucket" | "key">, deed: Deed): S3Error {
  const what = { look: "look at", read: "read", list: "list all of", add: "add", change: "change" }[deed];
  return new S3Error("AccessDenied", `${caller?.id} may not ${what} s3://${bucket}/${key} (ACCESS_DENIED)`);
}
