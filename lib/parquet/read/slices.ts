/** Row groups that are large and have no offset index: cut into small Parquet files, as nothing else reads them in bounded memory. */

import type { AsyncBuffer } from "hyparquet";

/** Some rows of one row group, as a Parquet file of its own. */
export type Slicer = (group: number, start: number, end: number) => Promise<AsyncBuffer>;

/** @param load the whole file: it is held until all is read */
export function openSlicer(load: () => Promise<Uint8Array>): Slicer {
  let loaded: Promise<Uint8Array> | undefined;
  return async (group, start, end) => {
    loaded ??= load();
    const [bytes, { readParquet, writeParquet }] = await Promise.all([loaded, import("parquet-wasm")]);
    // The writer consumes the table: its memory in the WebAssembly heap is free again when it returns.
    const slice = writeParquet(readParquet(bytes, { rowGroups: [group], offset: start, limit: end - start }));
    return { byteLength: slice.length, slice: (from, to) => new Uint8Array(slice.subarray(from, to)).buffer };
  };
}
