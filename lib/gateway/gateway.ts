/** The gateway: S3 in front of S3, in which each version of a Delta log is a commit of the catalog. All else goes through. */

import { BoundedMap } from "../bounded-map.ts";
import { LAST_CHECKPOINT } from "../delta/files/log-files.ts";
import type { GatewayCatalog } from "./catalog.ts";
import { checkpointReads } from "./checkpoint-fence.ts";
import { S3Error, unlessAbsent } from "./errors.ts";
import { type Caller, type S3Answer, type S3Request, type Upstream, type Verb, verbOf, withBody } from "./exchange.ts";
import { type LogFile, type LogPlace, logFileOf, logPlaceOf } from "./log-names.ts";
import { type LogReads, listLog, readVersion } from "./log-reads.ts";
import { type Derived, derivedFiles, type LogWrites, putVersion } from "./log-writes.ts";
import { copySource, deleteAnswer, deleteUpstream, readDelete } from "./many.ts";
import { denied, type ObjectRights, permitted } from "./rights.ts";
import { versionCache } from "./version-cache.ts";

export interface GatewayOptions {
  readonly upstream: Upstream;
  /** The catalog as this caller may see and change it; without one, as the gateway itself. */
  readonly catalogFor: (caller: Caller | undefined) => GatewayCatalog;
  /** What callers may do to objects; absent where the gateway has none but itself. */
  readonly rights?: ObjectRights | undefined;
  /** The canonical location of a table's root. @throws LakeError invalid */
  readonly locate: (bucket: string, root: string) => Promise<string>;
  /** The name of a table that an engine makes here; undefined where engines make none. */
  readonly nameOf: (bucket: string, root: string) => string | undefined;
  /** Milliseconds. */
  readonly now: () => number;
}

const CACHE_BYTES = 32 << 20;
const MAX_KNOWN_TABLES = 10_000;

/** @throws S3Error, LakeError */
export type Gateway = (request: S3Request) => Promise<S3Answer>;

export function openGateway(options: GatewayOptions): Gateway {
  const { upstream, catalogFor } = options;
  const cache = versionCache(CACHE_BYTES);
  const known = new BoundedMap<string, string>(MAX_KNOWN_TABLES);
  const derived = derivedFiles(options.now);
  const readDerived = checkpointReads(upstream);
  return async (asked) => {
    const verb = verbOf(asked);
    const request = await admitted(options, asked, verb);
    if (verb === "deleteMany") return deleteMany(options, request);
    const place = logPlaceOf(verb === "list" ? (request.query.get("prefix") ?? "") : request.key);
    if (place === undefined) return upstream.send(request);
    const catalog = catalogFor(request.caller);
    const reads = { ...options, catalog, cache };
    if (verb === "list") return place.name.includes("/") ? upstream.send(request) : listLog(reads, request, place);
    const parts = { upstream, reads, writes: { ...options, catalog, known }, derived, readDerived };
    return inLog(parts, request, { verb, place, file: logFileOf(place.name) });
  };
}

/** @throws S3Error AccessDenied; a gateway that knows no rights has no callers but itself */
async function admitted({ rights, upstream }: GatewayOptions, request: S3Request, verb: Verb): Promise<S3Request> {
  const { caller } = request;
  if (caller === undefined) return request;
  if (rights === undefined) throw denied(request, "look");
  return permitted({ rights, upstream }, { ...request, caller }, verb);
}

interface Parts {
  readonly upstream: Upstream;
  readonly reads: LogReads;
  readonly writes: LogWrites;
  readonly derived: Derived;
  readonly readDerived: (request: S3Request) => Promise<S3Answer>;
}

interface About {
  readonly verb: Verb;
  readonly place: LogPlace;
  readonly file: LogFile;
}

async function inLog(parts: Parts, request: S3Request, about: About): Promise<S3Answer> {
  const { verb, file } = about;
  if (file === "other") return parts.upstream.send(request);
  if (file === "passing") return ofPassing(parts, request, about);
  if (verb === "delete") throw new S3Error("AccessDenied", KEPT);
  if (file === "commit") return ofVersion(parts, request, about);
  if (verb === "get") return parts.readDerived(request);
  if (file === "derived") return ofDerived(parts, request, about);
  if (verb === "head") return parts.upstream.send(request);
  throw new S3Error(
    "AccessDenied",
    file === "staged"
      ? "commits of this table are ordered by the catalog behind the gateway: put <version>.json (STAGED_COMMIT)"
      : "this object of a log is the catalog's own (LOG_KEPT)",
  );
}

const KEPT = "versions and checkpoints of a log are removed by the catalog alone: dl clean-log (LOG_KEPT)";

async function ofVersion(parts: Parts, request: S3Request, { verb, place }: About): Promise<S3Answer> {
  if (verb === "get" || verb === "head") return readVersion(parts.reads, request, place);
  if (verb === "put") return putVersion(parts.writes, request, place);
  if (verb !== "copy") throw new S3Error("NotImplemented", "a version of a log is put in one request");
  // LogStores that rename put a temporary object first.
  const source = copySource(request);
  const slash = source.indexOf("/");
  const from = { bucket: source.slice(0, slash), key: source.slice(slash + 1) };
  const get = { ...request, ...from, method: "GET", headers: {}, query: new URLSearchParams() };
  const read = await unlessAbsent(parts.upstream.send(get));
  if (read?.body === undefined) throw new S3Error("NoSuchKey", `there is no object ${source}`);
  const put = { ...request, headers: {} };
  return putVersion(
    parts.writes,
    read.body instanceof Uint8Array ? withBody(put, read.body) : { ...put, body: read.body },
    place,
  );
}

async function ofDerived(parts: Parts, request: S3Request, { verb, place }: About): Promise<S3Answer> {
  const { derived, upstream } = parts;
  if (verb === "put") return derived.put(request);
  if (verb === "copy") return derived.copy(request);
  if (verb === "multipart") return derived.multipart(request);
  if (verb !== "head") throw new S3Error("NotImplemented", "the gateway does not know this of an object in a log");
  const stored = await unlessAbsent(upstream.send(request));
  // Spark takes one that is there and cannot be read for damaged, and waits three times for a better one.
  const found = stored ?? (place.name === LAST_CHECKPOINT ? undefined : derived.head(request));
  if (found === undefined) throw new S3Error("NoSuchKey", `there is no object ${request.key}`);
  return found;
}

/** It was never stored, and need not be removed. */
async function ofPassing(parts: Parts, request: S3Request, about: About): Promise<S3Answer> {
  const { verb } = about;
  if (verb === "delete") return { status: 204 };
  if (verb !== "head" && verb !== "get") return ofDerived(parts, request, about);
  const taken = verb === "head" ? parts.derived.head(request) : undefined;
  if (taken === undefined) throw new S3Error("NoSuchKey", `there is no object ${request.key}`);
  return taken;
}

/** What the catalog keeps stays, and what the caller may not remove, and is named in the answer; the rest goes. */
async function deleteMany({ upstream, rights }: GatewayOptions, request: S3Request): Promise<S3Answer> {
  const { keys, bytes } = await readDelete(request);
  const { bucket, caller } = request;
  const kept = new Map<string, { readonly code: string; readonly message: string }>();
  for (const key of keys) {
    const place = logPlaceOf(key);
    if (place !== undefined && !["other", "passing"].includes(logFileOf(place.name))) {
      kept.set(key, { code: "AccessDenied", message: KEPT });
    } else if (caller !== undefined && !(await rights?.may(caller, "change", { bucket, key }))) {
      kept.set(key, { code: "AccessDenied", message: denied({ caller, bucket, key }, "change").message });
    }
  }
  if (kept.size === 0 && caller === undefined) return upstream.send(withBody(request, bytes));
  const others = keys.filter((key) => !kept.has(key));
  const refused = await deleteUpstream(upstream, request, others);
  for (const [key, why] of kept) refused.set(key, why);
  return deleteAnswer(keys, refused);
}
