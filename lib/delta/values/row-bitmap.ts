/** The rows of a deletion vector's bitmap (PROTOCOL.md, "Deletion Vector Format"): how many, by its headers alone, and which. */

/** RoaringBitmapArray in the portable format. */
const PORTABLE = 1_681_511_377;
/** The other format, which the example of the protocol has with its highest byte first. */
const NATIVE = 1_681_511_376;
/** RoaringFormatSpec: bitmaps without and with containers of runs. */
const NO_RUNS = 12_346;
const WITH_RUNS = 12_347;
/** Bitmaps with runs have a list of offsets from so many containers on. */
const OFFSETS_FROM = 4;
const MAX_ARRAY = 4_096;
const BITSET_BYTES = 8_192;

/** How many rows the bitmap holds; "unread" in the other format, undefined when the bytes are no such bitmap, or are cut. */
export function rowsInBitmap(bytes: Uint8Array): number | "unread" | undefined {
  if (isNative(bytes)) return "unread";
  const bitmaps = readBitmaps(bytes);
  return bitmaps?.reduce((sum, { containers }) => sum + containers.reduce((total, { rows }) => total + rows, 0), 0);
}

/** The rows of the bitmap, ascending, one by one; undefined when the bytes are no such bitmap of the portable format. */
export function rowsOfBitmap(bytes: Uint8Array): Iterable<number> | undefined {
  const bitmaps = readBitmaps(bytes);
  return bitmaps && eachRow(bytes, bitmaps);
}

type Kind = "runs" | "list" | "bits";

interface Container {
  /** Of its rows, the bits above the lowest 16. */
  readonly high: number;
  readonly rows: number;
  readonly kind: Kind;
  /** Where its rows begin. */
  readonly start: number;
}

interface Bitmap {
  /** Of its rows, the bits above the lowest 32. */
  readonly high: number;
  readonly containers: readonly Container[];
  readonly end: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isNative(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  return bytes.length >= 4 && (view.getUint32(0, true) === NATIVE || view.getUint32(0) === NATIVE);
}

function readBitmaps(bytes: Uint8Array): readonly Bitmap[] | undefined {
  const view = viewOf(bytes);
  try {
    if (view.getUint32(0, true) !== PORTABLE) return undefined;
    const count = view.getBigUint64(4, true);
    const bitmaps: Bitmap[] = [];
    let at = 12;
    for (let i = 0n; i < count; i += 1n) {
      const bitmap = readBitmap(view, at + 4, view.getUint32(at, true));
      if (bitmap === undefined) return undefined;
      bitmaps.push(bitmap);
      at = bitmap.end;
    }
    return at <= bytes.length ? bitmaps : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws RangeError beyond the end of the bytes */
function readBitmap(view: DataView, start: number, high: number): Bitmap | undefined {
  const cookie = view.getUint32(start, true);
  const hasRuns = (cookie & 0xffff) === WITH_RUNS;
  if (!hasRuns && cookie !== NO_RUNS) return undefined;
  const count = hasRuns ? (cookie >>> 16) + 1 : view.getUint32(start + 4, true);
  const flags = start + 4;
  const headers = hasRuns ? flags + Math.ceil(count / 8) : start + 8;
  let end = headers + count * 4 + (!hasRuns || count >= OFFSETS_FROM ? count * 4 : 0);
  const containers: Container[] = [];
  for (let i = 0; i < count; i += 1) {
    const ofContainer = {
      high: view.getUint16(headers + i * 4, true),
      rows: view.getUint16(headers + i * 4 + 2, true) + 1,
    };
    const isRuns = hasRuns && (view.getUint8(flags + (i >> 3)) & (1 << (i & 7))) !== 0;
    const kind: Kind = isRuns ? "runs" : ofContainer.rows <= MAX_ARRAY ? "list" : "bits";
    containers.push({ ...ofContainer, kind, start: end });
    if (isRuns) end += 2 + view.getUint16(end, true) * 4;
    else end += kind === "list" ? ofContainer.rows * 2 : BITSET_BYTES;
  }
  return { high, containers, end };
}

function* eachRow(bytes: Uint8Array, bitmaps: readonly Bitmap[]): Generator<number> {
  const view = viewOf(bytes);
  for (const bitmap of bitmaps) {
    for (const container of bitmap.containers) {
      const base = bitmap.high * 2 ** 32 + container.high * 2 ** 16;
      for (const low of lowBits(view, container)) yield base + low;
    }
  }
}

function* lowBits(view: DataView, { kind, start, rows }: Container): Generator<number> {
  if (kind === "list") {
    for (let i = 0; i < rows; i += 1) yield view.getUint16(start + i * 2, true);
  } else if (kind === "bits") {
    for (let at = 0; at < BITSET_BYTES; at += 1) {
      const byte = view.getUint8(start + at);
      for (let bit = 0; byte >> bit !== 0; bit += 1) if (byte & (1 << bit)) yield at * 8 + bit;
    }
  } else {
    const runs = view.getUint16(start, true);
    for (let i = 0; i < runs; i += 1) {
      const first = view.getUint16(start + 2 + i * 4, true);
      const more = view.getUint16(start + 4 + i * 4, true);
      for (let row = first; row <= first + more; row += 1) yield row;
    }
  }
}
