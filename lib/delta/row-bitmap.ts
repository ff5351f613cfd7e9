/** Counts the rows of a deletion vector's bitmap (PROTOCOL.md, "Deletion Vector Format") by its headers; the rows are not read. */

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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0, true) === NATIVE || view.getUint32(0) === NATIVE) return "unread";
    if (view.getUint32(0, true) !== PORTABLE) return undefined;
    const bitmaps = view.getBigUint64(4, true);
    let at = 12;
    let rows = 0;
    for (let i = 0n; i < bitmaps; i += 1n) {
      const bitmap = readBitmap(view, at + 4);
      if (bitmap === undefined) return undefined;
      rows += bitmap.rows;
      at = bitmap.end;
    }
    return at <= bytes.length ? rows : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws RangeError beyond the end of the bytes */
function readBitmap(view: DataView, start: number): { readonly rows: number; readonly end: number } | undefined {
  const cookie = view.getUint32(start, true);
  const hasRuns = (cookie & 0xffff) === WITH_RUNS;
  if (!hasRuns && cookie !== NO_RUNS) return undefined;
  const containers = hasRuns ? (cookie >>> 16) + 1 : view.getUint32(start + 4, true);
  const flags = start + 4;
  const headers = hasRuns ? flags + Math.ceil(containers / 8) : start + 8;
  let end = headers + containers * 4 + (!hasRuns || containers >= OFFSETS_FROM ? containers * 4 : 0);
  let rows = 0;
  for (let i = 0; i < containers; i += 1) {
    const ofContainer = view.getUint16(headers + i * 4 + 2, true) + 1;
    rows += ofContainer;
    const isRuns = hasRuns && (view.getUint8(flags + (i >> 3)) & (1 << (i & 7))) !== 0;
    if (isRuns) end += 2 + view.getUint16(end, true) * 4;
    else end += ofContainer <= MAX_ARRAY ? ofContainer * 2 : BITSET_BYTES;
  }
  return { rows, end };
}
