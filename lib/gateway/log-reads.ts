/**
 * Reads of logs: what the store has, and what the catalog has committed and the mirror not published yet. A version that was
 * acknowledged to anyone is seen by the next read.
 */

import { compareKeys } from "../delta/files/key-order.ts";
import { versionName } from "../delta/files/log-files.ts";
import type { GatewayCatalog, PublishedVersion, TableHere } from "./catalog.ts";
import { answerRead } from "./conditions.ts";
import { S3Error, unlessAbsent } from "./errors.ts";
import { once, type S3Answer, type S3Request, type Upstream, wholeBody } from "./exchange.ts";
import { withoutFence } from "./hidden-fence.ts";
import { type Listed, type ListPage, listAnswer, listQuery, readList } from "./listing.ts";
import { type LogPlace, versionOf } from "./log-names.ts";
import type { VersionCache } from "./version-cache.ts";

export interface LogReads {
  readonly upstream: Upstream;
  readonly catalog: GatewayCatalog;
  readonly cache: VersionCache;
  /** The canonical location of a table's root. */
  readonly locate: (bucket: string, root: string) => Promise<string>;
}

/** GET or HEAD of `<version>.json`. */
export async function readVersion(reads: LogReads, request: S3Request, place: LogPlace): Promise<S3Answer> {
  const version = versionOf(place.name) as number;
  const { headers: _, ...bare } = request;
  const stored = await unlessAbsent(reads.upstream.send({ ...bare, headers: {} }));
  if (stored !== undefined) {
    const { status, headers = {}, body } = stored;
    if (status !== 200) return stored;
    const size = Number(headers["content-length"]);
    const modifiedAt = Date.parse(headers["last-modified"] ?? "");
    const source = body === undefined || body instanceof Uint8Array ? once(body ?? new Uint8Array()) : body;
    return answerRead(request, {
      size,
      etag: etagOf(version, size),
      modifiedAt,
      type: "application/json",
      read: (start, end) => part(withoutFence(source), start, end),
    });
  }
  const table = await reads.catalog.tableAt(await reads.locate(request.bucket, place.root));
  const [found] =
    table === undefined || version > table.version ? [] : await versionsOf(reads, table, version, version);
  if (found === undefined) throw new S3Error("NoSuchKey", `there is no object ${request.key}`);
  const { bytes, timestamp } = found;
  const etag = etagOf(version, bytes.length);
  const read = (start: number, end: number) => bytes.subarray(start, end);
  return answerRead(request, { size: bytes.length, etag, modifiedAt: timestamp, type: "application/json", read });
}

/** Of a version's file, wherever it comes from: its bytes never change (ARCHITECTURE.md D7). */
function etagOf(version: number, size: number): string {
  return `"dl-${version.toString(16)}-${size.toString(16)}"`;
}

async function* part(body: AsyncIterable<Uint8Array>, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of body) {
    const from = Math.max(0, start - at);
    const to = Math.min(chunk.length, end - at);
    if (from < to) yield chunk.subarray(from, to);
    at += chunk.length;
    if (at >= end) return;
  }
}

async function versionsOf(
  { catalog, cache }: LogReads,
  { tableId }: TableHere,
  from: number,
  to: number,
): Promise<readonly PublishedVersion[]> {
  const known = cache.range(tableId, from, to);
  if (known !== undefined) return known;
  const read = await catalog.readVersions(tableId, from, to);
  const hidden: PublishedVersion[] = [];
  for (const { bytes, ...rest } of read) {
    const refuse = () => new Error("a version grew while it was read");
    hidden.push({ ...rest, bytes: await wholeBody(withoutFence(once(bytes)), { bytes: bytes.length, refuse }) });
  }
  cache.add(tableId, hidden);
  return hidden;
}

/** A list below `_delta_log/`, with what is not published yet. */
export async function listLog(reads: LogReads, request: S3Request, place: LogPlace): Promise<S3Answer> {
  const asked = listQuery(request);
  // First the catalog: what it knows by now is in its answer, or in the store when that is asked.
  const table = await reads.catalog.tableAt(await reads.locate(request.bucket, place.root));
  const listed = await listUpstream(reads.upstream, request, asked);
  const folder = request.query.get("prefix")?.slice(0, -place.name.length || undefined) ?? "";
  const has = new Set(listed.objects.map(({ key }) => key));
  const isAsked = (key: string) =>
    key.startsWith(asked.prefix) &&
    compareKeys(key, asked.after) > 0 &&
    !has.has(key) &&
    (listed.token === undefined || compareKeys(key, lastOf(listed)) < 0);
  const missing: number[] = [];
  if (table !== undefined) {
    for (let version = table.published + 1; version <= table.version; version += 1) {
      if (isAsked(`${folder}${versionName(version)}.json`)) missing.push(version);
      if (missing.length > asked.maxKeys) break;
    }
  }
  const added = table === undefined ? [] : await entriesOf(reads, table, folder, missing);
  const objects = [...listed.objects.map((object) => withOwnEtag(object, folder)), ...added].sort((a, b) =>
    compareKeys(a.key, b.key),
  );
  const page = cut(objects, listed.prefixes, asked.maxKeys, listed.token !== undefined);
  return listAnswer(request.bucket, asked, page, request.query.get("continuation-token"));
}

function lastOf({ objects, prefixes }: ListPage): string {
  return [objects.at(-1)?.key ?? "", prefixes.at(-1) ?? ""].sort(compareKeys).at(-1) ?? "";
}

async function listUpstream(upstream: Upstream, request: S3Request, asked: ReturnType<typeof listQuery>) {
  const { prefix, delimiter, after, maxKeys } = asked;
  const query = new URLSearchParams({ "list-type": "2", prefix, "max-keys": String(maxKeys), "encoding-type": "url" });
  if (delimiter !== "") query.set("delimiter", delimiter);
  // What lies below a common prefix that has been listed comes after all of it.
  if (after !== "")
    query.set("start-after", delimiter !== "" && after.endsWith(delimiter) ? `${after}\u{10FFFF}` : after);
  const { status, body } = await upstream.send({ ...request, method: "GET", query, headers: {} });
  const refuse = () => new S3Error("InternalError", "the upstream's list has no end");
  const bytes =
    body instanceof Uint8Array ? body : await wholeBody(body ?? once(new Uint8Array()), { bytes: 16 << 20, refuse });
  if (status !== 200)
    throw new S3Error(
      status === 404 ? "NoSuchBucket" : "ServiceUnavailable",
      `the upstream answered ${status} to a list`,
    );
  return readList(bytes);
}

async function entriesOf(
  reads: LogReads,
  table: TableHere,
  folder: string,
  versions: readonly number[],
): Promise<readonly Listed[]> {
  const entries: Listed[] = [];
  for (let at = 0; at < versions.length; ) {
    const from = versions[at] as number;
    const read = await versionsOf(reads, table, from, versions.at(-1) as number);
    if (read.length === 0) break;
    for (const { version, bytes, timestamp } of read) {
      const etag = etagOf(version, bytes.length);
      entries.push({ key: `${folder}${versionName(version)}.json`, size: bytes.length, etag, modifiedAt: timestamp });
    }
    at += read.length;
  }
  return entries;
}

function withOwnEtag(object: Listed, folder: string): Listed {
  const version = versionOf(object.key.slice(folder.length));
  return version === undefined ? object : { ...object, etag: etagOf(version, object.size) };
}

/** As many as were asked for, the rest on the next page. */
function cut(objects: readonly Listed[], prefixes: readonly string[], most: number, goesOn: boolean): ListPage {
  const names = [...objects.map(({ key }) => key), ...prefixes].sort(compareKeys);
  const last = names[Math.min(most, names.length) - 1];
  const isOver = names.length <= most && !goesOn;
  if (last === undefined || isOver) return { objects, prefixes };
  const kept = new Set(names.slice(0, most));
  return {
    objects: objects.filter(({ key }) => kept.has(key)),
    prefixes: prefixes.filter((name) => kept.has(name)),
    next: last,
  };
}
