/** Which files a compaction takes together: packed in their order, so that the same table always gives the same plan. Pure. */

import type { AddFile, StringMap } from "./actions.ts";
import { bytesOfSize } from "./properties/values.ts";
import type { TableConfiguration } from "./table-configuration.ts";
import { addInt64, type Int64 } from "./values/int64.ts";

const MIB = 1024 ** 2;
const SMALLEST_TARGET = 128 * MIB;
const LARGEST_TARGET = 1024 * MIB;
/** A table of 1 TiB has files of 128 MiB, one of 8 TiB such of 1 GiB. */
const FILES_AT_TARGET = 8192;
/** A file of three quarters of the target is not worth writing again. */
const SMALL_SHARE = 0.75;
/** Percent of deleted rows from which a file is written again, however large: what Spark's OPTIMIZE has. */
const DELETED_PERCENT = 5;
/** So many files become one at most: whoever does it opens them all. */
const MAX_GROUP_FILES = 1000;

/** Which files are worth writing again. */
export interface CompactionRule {
  /** Bytes. */
  readonly smallerThan: number;
  /** Percent of the rows of a file; files without statistics are not picked for it. */
  readonly deletedPercent: number;
}

export interface CompactionTarget extends CompactionRule {
  /** Bytes of a file that comes out, at most, as far as can be told beforehand. */
  readonly targetBytes: number;
  /** Fewer small files of one partition are left as they are. */
  readonly minFiles: number;
}

export interface FileTotals {
  readonly files: number;
  readonly bytes: Int64;
  /** Physical rows of the files that have statistics, deleted ones included. */
  readonly rows: Int64;
  readonly deletedRows: Int64;
  readonly filesWithDeletedRows: number;
  /** Files below the bound of the rule. */
  readonly smallFiles: number;
  readonly partitions: number;
}

/** A live file as compaction sees it: without its statistics, but for the number of its rows. */
export interface SmallFile {
  readonly file: Omit<AddFile, "stats">;
  /** Physical rows; absent where the file has no statistics. */
  readonly rows?: Int64;
}

/** Files of one partition that become one. */
export interface CompactionGroup {
  readonly partitionValues: StringMap;
  readonly files: readonly SmallFile[];
  readonly bytes: Int64;
  /** Absent where a file has no statistics. */
  readonly rows?: Int64;
  /** What comes out: rows without the deleted ones, and bytes in proportion. */
  readonly result: { readonly bytes: number; readonly rows?: Int64 };
}

export interface CompactionWishes {
  readonly targetBytes?: number | undefined;
  readonly minFiles?: number | undefined;
}

/** `delta.targetFileSize` if the table has it, else by the size of the table, from 128 MiB to 1 GiB. */
export function compactionTarget(
  { properties }: TableConfiguration,
  tableBytes: Int64,
  wishes: CompactionWishes = {},
): CompactionTarget {
  const ofTable = properties["delta.targetFileSize"];
  const bySize = Math.round(Number(tableBytes) / FILES_AT_TARGET);
  const byDefault = Math.min(LARGEST_TARGET, Math.max(SMALLEST_TARGET, bySize));
  const targetBytes = wishes.targetBytes ?? (ofTable === undefined ? byDefault : bytesOfSize(ofTable));
  const smallerThan = Math.floor(targetBytes * SMALL_SHARE);
  return { targetBytes, smallerThan, deletedPercent: DELETED_PERCENT, minFiles: wishes.minFiles ?? 2 };
}

/**
 * Packs files that come by partition into groups, each as full as the next file allows. Neighbours stay neighbours: rows that
 * came together are found together, by their statistics. Holds one group at a time.
 */
export async function* packed(
  files: AsyncIterable<SmallFile>,
  target: CompactionTarget,
): AsyncGenerator<CompactionGroup> {
  let open: SmallFile[] = [];
  let key = "";
  let bytes = 0;
  for await (const file of files) {
    const partition = partitionKey(file.file.partitionValues);
    const left = liveBytes(file);
    const isFull = bytes + left > target.targetBytes || open.length >= MAX_GROUP_FILES;
    if (open.length > 0 && (partition !== key || isFull)) {
      if (isWorthwhile(open, target)) yield groupOf(open);
      open = [];
      bytes = 0;
    }
    key = partition;
    bytes += left;
    open.push(file);
  }
  if (isWorthwhile(open, target)) yield groupOf(open);
}

/** One text for one partition, whatever the order in which a writer has put its columns. */
export function partitionKey(values: StringMap): string {
  return JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A single file is written again only to be rid of its deleted rows. */
function isWorthwhile(files: readonly SmallFile[], target: CompactionTarget): boolean {
  return files.length >= Math.max(2, target.minFiles) || files.some((file) => hasManyDeleted(file, target));
}

function hasManyDeleted({ file, rows }: SmallFile, { deletedPercent }: CompactionRule): boolean {
  const deleted = Number(file.deletionVector?.cardinality ?? 0);
  return deleted > 0 && rows !== undefined && deleted * 100 >= Number(rows) * deletedPercent;
}

function groupOf(files: readonly SmallFile[]): CompactionGroup {
  const bytes = sum(files.map(({ file }) => file.size));
  const rows = files.every(({ rows: known }) => known !== undefined)
    ? sum(files.map(({ rows: known = 0 }) => known))
    : undefined;
  const deleted = sum(files.map(({ file }) => file.deletionVector?.cardinality ?? 0));
  const left = Math.round(files.reduce((total, file) => total + liveBytes(file), 0));
  return {
    partitionValues: files[0]?.file.partitionValues ?? {},
    files,
    bytes,
    ...(rows === undefined ? {} : { rows }),
    result: { bytes: left, ...(rows === undefined ? {} : { rows: addInt64(rows, -deleted) }) },
  };
}

function liveBytes({ file, rows }: SmallFile): number {
  const size = Number(file.size);
  const deleted = Number(file.deletionVector?.cardinality ?? 0);
  return rows === undefined || Number(rows) <= 0 ? size : size * Math.max(0, 1 - deleted / Number(rows));
}

function sum(numbers: readonly Int64[]): Int64 {
  return numbers.reduce<Int64>(addInt64, 0);
}
