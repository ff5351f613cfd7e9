/**
 * Keeps the indexes of scans up with the commits: in batches, behind them, and never on their way. An index is a hint; what it has
 * not come to yet is looked at file by file.
 */

import { opened, type ScanColumn, scanColumn } from "../delta/predicates/scan-column.ts";
import { commonPrefix, fitsForm, type KeyForm, keyFormOf, rangeOfFile } from "../delta/predicates/scan-keys.ts";
import type { TableRef } from "../delta/request.ts";
import { schemaColumns } from "../delta/schema/schema.ts";
import { type TableDescription, tableDescription } from "../delta/table-configuration.ts";
import { invalid, notFound } from "../errors.ts";
import type { FilePlace, Lake, ScanIndex, Signal, TableHead } from "../ports.ts";
import { findHead } from "./read.ts";

/** Files that go into an index in one transaction. */
const BATCH = 500;
const SWEEP_ROWS = 2000;
/** Above all places of a version. */
const LAST_ORD = 2 ** 31 - 1;
const BEGINNING: FilePlace = { version: -1, ord: 0 };

/** @throws LakeError invalid for a column that the table has not, or that has no bounds; notFound */
export async function addScanIndex(lake: Lake, ref: TableRef, name: string): Promise<void> {
  const head = await findHead(lake, ref);
  const { metadata } = await lake.catalog.readSummary(head.tableId, head.version);
  const column = scanColumn(tableDescription(metadata), name);
  if (column === undefined) throw invalid(`the table "${head.name}" has no column "${name}"`);
  if (!(await beginIndex(lake, head, column))) {
    throw invalid(`scans cannot be indexed by "${name}": files have no bounds for the type ${column.type.name}`);
  }
}

async function beginIndex(lake: Lake, head: TableHead, column: ScanColumn): Promise<boolean> {
  const form = await formOf(lake, head, column);
  if (form === undefined || !column.isBounded) return false;
  const { tableId, version } = head;
  await lake.catalog.addScanIndex({ tableId, columnId: column.id, form, fromVersion: version });
  return true;
}

/** Smaller tables are looked at file by file fast enough for that nobody pays for an index. */
const WORTH_FILES = 20_000;
const INDEXES_A_TABLE = 4;

/** Begins an index for a column that scans ask for, where the table is large and has few. @returns whether it was begun */
export async function wishForIndex(lake: Lake, tableId: string, columnId: string): Promise<boolean> {
  const head = await lake.catalog.findTable({ tableId });
  if (head === undefined) return false;
  const { metadata, numFiles } = await lake.catalog.readSummary(tableId, head.version);
  if (numFiles < WORTH_FILES) return false;
  const known = await lake.catalog.scanIndexes(tableId);
  if (known.length >= INDEXES_A_TABLE || known.some((index) => index.columnId === columnId)) return false;
  const column = columnOf(tableDescription(metadata), columnId);
  return column !== undefined && beginIndex(lake, head, column);
}

/** Where in the history of a table texts are looked at for what most of them begin with. */
const SAMPLES = [0, 0.5, 0.9];

async function formOf(lake: Lake, { tableId, version }: TableHead, column: ScanColumn): Promise<KeyForm | undefined> {
  const form = keyFormOf(column.type);
  if (form !== "text") return form;
  const texts: string[] = [];
  for (const part of SAMPLES) {
    const after = { version: Math.floor(version * part) - 1, ord: LAST_ORD };
    const files = await lake.catalog.filesToIndex(tableId, {
      after,
      upTo: version,
      fromVersion: version,
      limit: BATCH,
    });
    for (const file of files) {
      for (const part of column.parts(opened(file))) {
        const bounds =
          part.kind === "value" ? [part.value] : part.kind === "span" ? [part.span.low, part.span.high] : [];
        texts.push(...bounds.filter((bound) => typeof bound === "string"));
      }
    }
  }
  return `text:${commonPrefix(texts)}`;
}

/** Rows of files that are gone stay in an index until there are so many times as many as there are files. */
const STALE = 3;
const FEW_ROWS = 10_000;

/** Brings all indexes up to the heads of their tables. @returns the files that went into them */
export async function indexScans(lake: Lake, options: { readonly signal?: Signal } = {}): Promise<number> {
  const { signal } = options;
  let indexed = 0;
  for (const index of await lake.catalog.scanIndexes()) {
    if (signal?.aborted) return indexed;
    const head = await lake.catalog.findTable({ tableId: index.tableId });
    // Of a dropped table: it may come back.
    if (head === undefined || index.at.version >= head.version) continue;
    const { metadata, numFiles } = await lake.catalog.readSummary(index.tableId, head.version);
    const column = columnOf(tableDescription(metadata), index.columnId);
    const isStale = index.numRows > STALE * numFiles + FEW_ROWS;
    if (column === undefined || !fitsForm(index.form, column.type) || isStale) {
      await lake.catalog.dropScanIndex(index.indexId);
      if (isStale) await lake.catalog.addScanIndex({ ...index, fromVersion: head.version });
      continue;
    }
    indexed += await advance(lake, index, column, head.version, signal);
  }
  while (!signal?.aborted && (await lake.catalog.sweepScanBounds(SWEEP_ROWS))) await lake.clock.sleep(0);
  return indexed;
}

async function advance(
  lake: Lake,
  index: ScanIndex,
  column: ScanColumn,
  upTo: number,
  signal: Signal | undefined,
): Promise<number> {
  const { tableId, fromVersion, form } = index;
  let now = index;
  let indexed = 0;
  while (!signal?.aborted) {
    const files = await lake.catalog.filesToIndex(tableId, { after: now.at, upTo, fromVersion, limit: BATCH });
    const last = files.at(-1)?.place ?? BEGINNING;
    const isLast = files.length < BATCH;
    const to = isLast ? { version: upTo, ord: LAST_ORD } : last;
    const rows = files.flatMap((file) => {
      const range = rangeOfFile(opened(file), column, form);
      return range === undefined ? [] : [{ place: file.place, range }];
    });
    if (!(await lake.catalog.advanceScanIndex(now, to, rows))) return indexed;
    now = { ...now, at: to };
    indexed += files.length;
    if (isLast) return indexed;
    // Whoever commits meanwhile does not wait for all of it.
    await lake.clock.sleep(0);
  }
  return indexed;
}

function columnOf(table: TableDescription, id: string): ScanColumn | undefined {
  for (const { path, inCollection } of schemaColumns(table.schema)) {
    const column = inCollection ? undefined : scanColumn(table, path.join("."));
    if (column?.id === id) return column;
  }
  return undefined;
}

export interface ScanIndexState {
  readonly column: string;
  readonly fromVersion: number;
  /** Scans of it and of versions before find files by the index alone; −1 for none. */
  readonly toVersion: number;
  readonly files: number;
}

/** The indexes of a table. @throws LakeError notFound */
export async function scanIndexesOf(lake: Lake, ref: TableRef): Promise<readonly ScanIndexState[]> {
  const { tableId } = await findHead(lake, ref);
  const indexes = await lake.catalog.scanIndexes(tableId);
  return indexes.map(({ columnId, fromVersion, at, numRows }) => ({
    column: (JSON.parse(columnId) as string[]).slice(1).join("."),
    fromVersion,
    toVersion: at.ord === LAST_ORD ? at.version : at.version - 1,
    files: numRows,
  }));
}

/** @throws LakeError notFound where the column has none */
export async function dropScanIndex(lake: Lake, ref: TableRef, name: string): Promise<void> {
  const head = await findHead(lake, ref);
  const { metadata } = await lake.catalog.readSummary(head.tableId, head.version);
  const id = scanColumn(tableDescription(metadata), name)?.id;
  const index = (await lake.catalog.scanIndexes(head.tableId)).find(({ columnId }) => columnId === id);
  if (index === undefined) {
    throw notFound(`scans of "${head.name}" have no index of "${name}"`, { hint: "`dl index` lists them." });
  }
  await lake.catalog.dropScanIndex(index.indexId);
}
