/** Takes the fence out of checkpoints on their way to clients of the gateway, by range, and leaves every byte count as it was. */

import { BoundedMap } from "../bounded-map.ts";
import { FENCE } from "../delta/features.ts";
import { isLakeError } from "../errors.ts";
import { countValues, openParquetFile, type ParquetSource } from "../parquet/read/file.ts";
import { decodeThriftAt, THRIFT } from "../parquet/thrift.ts";
import { S3Error } from "./errors.ts";
import type { S3Answer, S3Request, Upstream } from "./exchange.ts";
import { once, wholeBody } from "./exchange.ts";

/** Bytes that take the place of others. */
interface Patch {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Features that say nothing while the property of their name is not set, which every writer that lists features knows. */
const HARMLESS = ["appendOnly", "invariants"] as const;

const WRITER_FEATURES_COLUMN = "protocol.writerFeatures.list.element";

const MAX_KNOWN = 1_000;
/** The row group with the protocol is the first, and its names of features are few. */
const LONGEST_CHUNK = 1 << 16;
/** Of `PageHeader`: type, compressed_page_size. */
const PAGE = { type: 1, size: 3 } as const;
const DATA_PAGE = 0;

/**
 * GET of a checkpoint. Ours have the names of the writer's features uncompressed and one after another, so the fence becomes another
 * name there, and what is left over at the end of the page is read by nobody. Other checkpoints go through as they are.
 */
export function checkpointReads(upstream: Upstream): (request: S3Request) => Promise<S3Answer> {
  const known = new BoundedMap<string, Promise<Patch | undefined>>(MAX_KNOWN);
  const patchOf = (request: S3Request, etag: string, size: number): Promise<Patch | undefined> => {
    const id = `${request.bucket}/${request.key} ${etag} ${size}`;
    const found = known.get(id) ?? findPatch(upstream, request, size);
    known.set(id, found);
    found.catch(() => known.delete(id));
    return found;
  };
  return async (request) => {
    const answer = await upstream.send(request);
    const { status, headers = {}, body } = answer;
    if ((status !== 200 && status !== 206) || body === undefined) return answer;
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers["content-range"] ?? "");
    const [start, size] = range ? [Number(range[1]), Number(range[2])] : [0, Number(headers["content-length"])];
    if (!Number.isSafeInteger(size)) return answer;
    const patch = await patchOf(request, headers.etag ?? "", size);
    if (patch === undefined) return answer;
    const shown = Object.entries(headers).filter(([name]) => !/^x-amz-checksum-|^content-md5$/.test(name));
    const chunks = body instanceof Uint8Array ? once(body) : body;
    return { ...answer, headers: Object.fromEntries(shown), body: patched(chunks, patch, start) };
  };
}

async function* patched(body: AsyncIterable<Uint8Array>, patch: Patch, start: number): AsyncGenerator<Uint8Array> {
  let at = start;
  for await (const chunk of body) {
    const from = Math.max(at, patch.start);
    const to = Math.min(at + chunk.length, patch.start + patch.bytes.length);
    if (from < to) {
      const copy = Buffer.from(chunk);
      copy.set(patch.bytes.subarray(from - patch.start, to - patch.start), from - at);
      yield copy;
    } else yield chunk;
    at += chunk.length;
  }
}

/** undefined where the fence is not named, or not as we write it; a file that is no checkpoint is the client's to find out. */
async function findPatch(upstream: Upstream, request: S3Request, size: number): Promise<Patch | undefined> {
  const source: ParquetSource = {
    key: request.key,
    size,
    unreadable: "CHECKPOINT_UNREADABLE",
    store: { getRange: (_, start, end) => readRange(upstream, request, start, end) },
  };
  const file = await openParquetFile(source).catch((error: unknown) => {
    if (!isLakeError(error, "corrupt")) throw error;
  });
  for (const group of file?.groups ?? []) {
    if (countValues(group, WRITER_FEATURES_COLUMN) === 0) continue;
    const meta = group.columns.find(({ meta_data }) => {
      return meta_data?.path_in_schema.join(".") === WRITER_FEATURES_COLUMN;
    })?.meta_data;
    const length = Number(meta?.total_compressed_size ?? 0);
    if (meta === undefined || meta.codec !== "UNCOMPRESSED" || length > LONGEST_CHUNK) continue;
    const start = Number(meta.data_page_offset);
    const patch = patchChunk(await readRange(upstream, request, start, start + length), start);
    if (patch !== undefined) return patch;
  }
  return undefined;
}

async function readRange(upstream: Upstream, request: S3Request, start: number, end: number): Promise<Uint8Array> {
  const headers = { range: `bytes=${start}-${end - 1}` };
  const asked = { ...request, method: "GET", headers, body: once(NOTHING), length: 0 };
  const { status, body = NOTHING } = await upstream.send(asked);
  if (status !== 206 && status !== 200) throw new S3Error("ServiceUnavailable", `the upstream answered ${status}`);
  const refuse = () => new Error("the upstream has sent more than was asked for");
  return body instanceof Uint8Array ? body : wholeBody(body, { bytes: end - start, refuse });
}

const NOTHING = new Uint8Array();

/** @param chunk one data page whose values are texts, each behind its length (Parquet, "Plain encoding") */
function patchChunk(chunk: Uint8Array, start: number): Patch | undefined {
  const { struct: header, end: page } = decodeThriftAt(chunk, 0);
  if (header.get(PAGE.type)?.value !== DATA_PAGE || header.get(PAGE.size)?.value !== chunk.length - page)
    return undefined;
  if (header.get(PAGE.type)?.type !== THRIFT.i32) return undefined;
  const at = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).indexOf(plainText(FENCE), page);
  const rest = at < 0 ? undefined : plainTexts(chunk.subarray(at));
  if (rest === undefined) return undefined;
  const text = Buffer.from(chunk).toString("latin1");
  const harmless = HARMLESS.find((name) => !text.includes(name)) ?? HARMLESS[0];
  const bytes = Buffer.alloc(chunk.length - at);
  Buffer.concat([harmless, ...rest.slice(1)].map(plainText)).copy(bytes);
  return { start: start + at, bytes };
}

function plainText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** undefined where the bytes are not texts up to their end. */
function plainTexts(bytes: Uint8Array): readonly string[] | undefined {
  const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  let at = 0;
  while (at + 4 <= from.length) {
    const end = at + 4 + from.readUInt32LE(at);
    if (end > from.length) return undefined;
    texts.push(from.toString("utf8", at + 4, end));
    at = end;
  }
  return at === from.length ? texts : undefined;
}
