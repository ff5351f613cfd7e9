/** A Parquet file in an object store, read row group by row group and column by column. The only reader of Parquet here. */

import {
  type AsyncBuffer,
  cachedAsyncBuffer,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { corrupt, errorText, isLakeError } from "../../errors.ts";
import type { ObjectStore } from "../../ports/storage.ts";
import { checkedPages, checkWholeGroup, rowBytes } from "./checked-pages.ts";
import { type ColumnFilter, selectColumns } from "./columns.ts";
import { type Leaves, readLeaves } from "./leaves.ts";
import { checkFooter, checkFooterLength } from "./limits.ts";
import { openSlicer } from "./slices.ts";

/** Files up to this many bytes are fetched in one request. */
const SMALL_FILE = 1 << 20;
/** What is fetched first of a larger file, to find its footer. */
const FOOTER_BYTES = 1 << 17;
/** Rows decoded at a time where the file's offset index allows it: the number that parquet-mr puts into one page. */
const ROWS_AT_ONCE = 20_000;
/** Rows of a group without an offset index that are decoded at once; five times as many need more than 4 GB. */
const ROWS_WITHOUT_INDEX = 200_000;
/** Larger groups without one are cut into so many rows. */
const ROWS_OF_A_SLICE = 50_000;
/** Fewer rows at a time where they are large. */
const BYTES_AT_ONCE = 128 * 2 ** 20;
/** The last bytes of a file: the length of the footer, and a magic word. */
const TAIL_BYTES = 8;

/** Rows are plain objects; 64-bit integers are bigints, times and dates the numbers they are stored as. */
export type ParquetRow = Readonly<Record<string, unknown>>;

export interface RowRange {
  /** The row group that it lies in. */
  readonly group: RowGroup;
  /** Within the group. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Number of the first row within the file, for messages. */
  readonly firstRow: number;
  /** True where the reader by itself would decode the whole group. */
  readonly needsSlice: boolean;
}

export interface ParquetFile {
  /** For messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly schema: SchemaTree;
  readonly groups: readonly RowGroup[];
  /** Splits the groups into ranges small enough to hold. */
  ranges(groups: readonly RowGroup[], columns: ColumnFilter): RowRange[];
  /** @throws LakeError corrupt */
  readRows(range: RowRange, columns: ColumnFilter): Promise<ParquetRow[]>;
  /** The same values, without an object a row; undefined where they cannot be had so. @throws LakeError corrupt */
  readLeaves(range: RowRange, columns: ColumnFilter): Promise<Leaves | undefined>;
}

export interface ParquetSource {
  readonly store: Pick<ObjectStore, "getRange">;
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** The code of the error that says that the file cannot be read: what the file is to its reader. */
  readonly unreadable: string;
}

/**
 * Reads the footer of a file.
 * @throws LakeError corrupt, with the source's code, when it is no Parquet file
 */
export async function openParquetFile(source: ParquetSource): Promise<ParquetFile> {
  const { key, size } = source;
  const name = key.slice(key.lastIndexOf("/") + 1);
  const readable = <T>(read: () => Promise<T>) => orUnreadable(name, source.unreadable, read);
  const file = cachedAsyncBuffer(storedBuffer(source), { minSize: SMALL_FILE });
  const { metadata, schema } = await readable(async () => {
    checkFooter(await footerBytes(file), size);
    const options = { parsers: STORED_VALUES, initialFetchSize: FOOTER_BYTES, geoparquet: false };
    const footer = await parquetMetadataAsync(file, options);
    return { metadata: footer, schema: parquetSchema(footer) };
  });
  const starts = groupStarts(metadata);
  const slicer = openSlicer(async () => {
    const bytes = new Uint8Array(await storedBuffer(source).slice(0, size));
    for (const group of metadata.row_groups) checkWholeGroup(bytes, group);
    return bytes;
  });
  return {
    name,
    size,
    schema,
    groups: metadata.row_groups,
    ranges: (groups, columns) => groups.flatMap((group) => splitGroup(group, starts.get(group) ?? 0, columns)),
    readRows: (range, columns) => readable(async () => parquetReadObjects(await optionsFor(range, columns))),
    readLeaves: (range, columns) => readable(async () => readLeaves(await optionsFor(range, columns))),
  };

  async function optionsFor({ group, start, end, needsSlice }: RowRange, columns: ColumnFilter) {
    if (needsSlice) {
      const slice = await slicer(metadata.row_groups.indexOf(group), start, end);
      const own = await parquetMetadataAsync(slice, { parsers: STORED_VALUES, geoparquet: false });
      return { ...DECODING, file: slice, metadata: selectColumns(own, columns), rowStart: 0, rowEnd: end - start };
    }
    return {
      ...DECODING,
      file: checkedPages(storedBuffer(source, file), group, columns),
      metadata: selectColumns({ ...metadata, row_groups: [group], num_rows: group.num_rows }, columns),
      rowStart: start,
      rowEnd: end,
      useOffsetIndex: true,
    };
  }
}

/** True when the statistics in the footer prove that a row group has nothing but nulls in all of these columns. */
export function isAllNull(group: RowGroup, columns: ColumnFilter): boolean {
  return group.columns.every(({ meta_data }) => {
    if (!meta_data || !columns(meta_data.path_in_schema.join("."))) return true;
    return meta_data.statistics?.null_count === meta_data.num_values;
  });
}

/** How many values of a leaf column are not null by the footer's statistics; undefined when these do not say. */
export function countValues(group: RowGroup, path: string): number | undefined {
  const column = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join(".") === path)?.meta_data;
  if (!column) return 0;
  const nulls = column.statistics?.null_count;
  return nulls === undefined ? undefined : Number(column.num_values - nulls);
}

/** Times and dates come as stored; what they mean is said by the schema (annotations.ts). */
const asStored = <T>(value: T): T => value;
const STORED_VALUES: Partial<ParquetParsers> = {
  timestampFromMilliseconds: asStored,
  timestampFromMicroseconds: asStored,
  timestampFromNanoseconds: asStored,
  dateFromDays: asStored,
};

/** @throws LakeError corrupt when the footer is not within the file, or too large */
async function footerBytes(file: AsyncBuffer): Promise<Uint8Array> {
  const end = file.byteLength - TAIL_BYTES;
  if (end < 0) throw corrupt("it is too short");
  const tail = await file.slice(Math.max(0, file.byteLength - FOOTER_BYTES), file.byteLength);
  const length = new DataView(tail).getUint32(tail.byteLength - TAIL_BYTES, true);
  if (length > end) throw corrupt(`its footer would have ${length} bytes`);
  checkFooterLength(length);
  const from = tail.byteLength - TAIL_BYTES - length;
  return from >= 0 ? new Uint8Array(tail, from, length) : new Uint8Array(await file.slice(end - length, end));
}

const DECODING = { compressors, parsers: STORED_VALUES, utf8: false } as const;

function groupStarts(metadata: FileMetaData): Map<RowGroup, number> {
  const starts = new Map<RowGroup, number>();
  let start = 0;
  for (const group of metadata.row_groups) {
    starts.set(group, start);
    start += Number(group.num_rows);
  }
  return starts;
}

function splitGroup(group: RowGroup, firstRow: number, columns: ColumnFilter): RowRange[] {
  const rows = Number(group.num_rows);
  const indexed = group.columns.every(
    (column) => column.offset_index_offset || !columns(column.meta_data?.path_in_schema.join(".") ?? ""),
  );
  const needsSlice = !indexed && rows > ROWS_WITHOUT_INDEX;
  const rowsInMemory = Math.max(1, Math.floor(BYTES_AT_ONCE / Math.max(1, rowBytes(group, columns))));
  const step = indexed ? Math.min(ROWS_AT_ONCE, rowsInMemory) : needsSlice ? ROWS_OF_A_SLICE : ROWS_WITHOUT_INDEX;
  const ranges: RowRange[] = [];
  for (let start = 0; start < rows; start += step) {
    ranges.push({ group, start, end: Math.min(start + step, rows), firstRow: firstRow + start, needsSlice });
  }
  return ranges;
}

function storedBuffer({ store, key, size, unreadable }: ParquetSource, small?: AsyncBuffer): AsyncBuffer {
  // A small file is in memory already; of a large one nothing may be kept but the footer.
  if (small && size < SMALL_FILE) return small;
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = await store.getRange(key, start, Math.min(end, size));
      if (bytes.length !== Math.min(end, size) - start) {
        throw corrupt(`${key} is shorter than its listed size of ${size} bytes`, { code: unreadable, at: key });
      }
      return new Uint8Array(bytes).buffer;
    },
  };
}

/** Whatever the reader throws about the bytes of a file means one thing to callers. */
async function orUnreadable<T>(name: string, code: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isLakeError(error) && error.at !== undefined) throw error;
    throw corrupt(`${name} is not a readable Parquet file: ${errorText(error)}`, {
      code,
      at: name,
      cause: error,
    });
  }
}
