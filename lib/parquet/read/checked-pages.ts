/** The pages of a row group, looked at before the reader unpacks them: nothing that is too large for memory gets past. */

import type { AsyncBuffer, RowGroup } from "hyparquet";
import { corrupt } from "../../errors.ts";
import type { ColumnFilter } from "./columns.ts";
import { openPageBudget, type PageBudget, takePages } from "./limits.ts";

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The file as one read of a row group may see it. The reader asks for whole column chunks, for some of their pages, or for
 * offset indexes; each but the last begins with a page.
 * @param columns those that will be read
 */
export function checkedPages(file: AsyncBuffer, group: RowGroup, columns: ColumnFilter): AsyncBuffer {
  const chunks = chunkSpans(group, columns);
  const indexes = indexSpans(group);
  const budget = openPageBudget();
  return {
    byteLength: file.byteLength,
    slice: async (start, end = file.byteLength) => {
      const bytes = await file.slice(start, end);
      if (!indexes.some((index) => start >= index.start && end <= index.end)) {
        checkSlice(new Uint8Array(bytes), start, chunks, budget);
      }
      return bytes;
    },
  };
}

/** @throws LakeError corrupt when a row group of a file in memory cannot be unpacked as a whole */
export function checkWholeGroup(bytes: Uint8Array, group: RowGroup): void {
  for (const chunk of chunkSpans(group, () => true)) {
    // Read piece by piece: only a single page must fit.
    checkSlice(bytes.subarray(chunk.start, chunk.end), chunk.start, [chunk], { bytes: Infinity, values: Infinity });
  }
}

function checkSlice(bytes: Uint8Array, start: number, chunks: readonly Span[], budget: PageBudget): void {
  const within = chunks.filter((chunk) => chunk.start >= start && chunk.start < start + bytes.length);
  for (const chunk of within) {
    const end = Math.min(chunk.end - start, bytes.length);
    const stopped = takePages(bytes.subarray(0, end), chunk.start - start, budget);
    if (stopped < end - 1) throw corrupt(`at byte ${start + stopped} a page cannot be read`);
  }
  // Some pages out of the middle of a chunk, or whatever an index that lies points at.
  if (!within.some((chunk) => chunk.start === start)) takePages(bytes, 0, budget);
}

function chunkSpans(group: RowGroup, columns: ColumnFilter): Span[] {
  return group.columns.flatMap(({ meta_data: column }) => {
    if (!column || !columns(column.path_in_schema.join("."))) return [];
    const start = Number(column.dictionary_page_offset || column.data_page_offset);
    return [{ start, end: start + Number(column.total_compressed_size) }];
  });
}

function indexSpans(group: RowGroup): Span[] {
  return group.columns.flatMap(({ offset_index_offset: start, offset_index_length: length }) =>
    start === undefined || length === undefined ? [] : [{ start: Number(start), end: Number(start) + length }],
  );
}

/** How many bytes a row of these columns has on average, unpacked, as the footer has it. */
export function rowBytes(group: RowGroup, columns: ColumnFilter): number {
  const sizes = group.columns.map(({ meta_data: column }) =>
    column && columns(column.path_in_schema.join(".")) ? Number(column.total_uncompressed_size) : 0,
  );
  return sizes.reduce((sum, size) => sum + Math.max(0, size), 0) / Math.max(1, Number(group.num_rows));
}
