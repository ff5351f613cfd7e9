/**
 * Keeps the indexes of scans up with the commits: in batches, behind them, and never on their way. An index is a hint; what it has
 * not come to yet is looked at file by file.
 */

import { opened, type ScanColumn, scanColumn } from "../delta/predicates/scan-column.ts";
import {
  commonPrefix,
  fitsForm,
  type KeyForm,
  keyFormOf,
  LAST_ORD,
  rangeOfFile,
} from "../delta/predicates/scan-keys.ts";
import type { TableRef } from "../delta/request.ts";
import { schemaColumns } from "../delta/schema/schema.ts";
import { type TableDescription, tableDescription } from "../delta/table-configuration.ts";
import { errorText, invalid, notFound } from "../errors.ts";
import type { BehindIndex, FilePlace, Lake, ScanWish, Signal, TableHead } from "../ports.ts";
import { findHead } from "./read.ts";

/** Files that go into an index in one transaction. */
const BATCH = 500;
const SWEEP_ROWS = 2000;
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

/** Wishes that one run looks at; the next takes more. */
const WISHES = 100;

/**
 * Begins indexes for the columns that functions which only read have been asked for. A wish that is not worth an index is
 * forgotten like one that is granted: it comes again with the scans.
 * @returns the wishes that became indexes
 */
export async function grantWishes(
  lake: Lake,
  options: { readonly signal?: Signal; readonly onFailure: (wish: ScanWish, error: unknown) => void },
): Promise<readonly ScanWish[]> {
  const begun: ScanWish[] = [];
  for (const wish of await lake.catalog.scanWishes(WISHES)) {
    if (options.signal?.aborted) break;
    try {
      if (await wishForIndex(lake, wish.tableId, wish.columnId)) begun.push(wish);
    } catch (error) {
      options.onFailure(wish, error);
    }
    await lake.catalog.endScanWish(wish);
  }
  return begun;
}

/** Batches of one index until others have their turn: a table of millions of files takes minutes. */
const TURN = 20;

/**
 * Brings all indexes up to the heads of their tables, in turns. One that fails is counted and holds up no other. Says as a metric how far
 * the last of them is behind at the end.
 * @param options.signal aborted, it ends after the batch that it is at; the next run goes on from there
 * @returns the files that went into them
 */
export async function indexScans(lake: Lake, options: { readonly signal?: Signal } = {}): Promise<number> {
  const { signal } = options;
  let indexed = 0;
  let behind = 0;
  let waiting: readonly BehindIndex[] = await lake.catalog.scanIndexesBehind();
  while (waiting.length > 0 && !signal?.aborted) {
    const left: BehindIndex[] = [];
    for (const index of waiting) {
      if (signal?.aborted) {
        left.push(index);
        continue;
      }
      try {
        const { files, next } = await turnOf(lake, index, signal);
        indexed += files;
        if (next !== undefined) left.push(next);
      } catch (error) {
        const { tableId, columnId } = index;
        lake.metrics.record("ScanIndexFailures", 1, "Count", { tableId, columnId, error: errorText(error) });
        behind = Math.max(behind, distance(index));
      }
    }
    waiting = left;
  }
  lake.metrics.record("ScanIndexBehind", Math.max(behind, ...waiting.map(distance)), "Count");
  while (!signal?.aborted && (await lake.catalog.sweepScanBounds(SWEEP_ROWS))) await lake.clock.sleep(0);
  return indexed;
}

/** In versions. */
function distance({ headVersion, at }: BehindIndex): number {
  return headVersion - at.version;
}

interface Turn {
  readonly files: number;
  /** What is left of it; absent when it is done, and when another worker is at it. */
  readonly next?: BehindIndex;
}

async function turnOf(lake: Lake, index: BehindIndex, signal: Signal | undefined): Promise<Turn> {
  const { tableId, indexId, form, headVersion, numRows } = index;
  const { metadata, numFiles } = await lake.catalog.readSummary(tableId, headVersion);
  const column = columnOf(tableDescription(metadata), index.columnId);
  const isStale = numRows > STALE * numFiles + FEW_ROWS;
  if (column !== undefined && fitsForm(form, column.type) && !isStale) return advance(lake, index, column, signal);
  await lake.catalog.dropScanIndex(indexId);
  if (isStale) await lake.catalog.addScanIndex({ ...index, fromVersion: headVersion });
  return { files: 0 };
}

async function advance(lake: Lake, index: BehindIndex, column: ScanColumn, signal: Signal | undefined): Promise<Turn> {
  const { tableId, fromVersion, form, headVersion: upTo } = index;
  let now = index;
  let indexed = 0;
  for (let batch = 0; batch < TURN && !signal?.aborted; batch += 1) {
    const files = await lake.catalog.filesToIndex(tableId, { after: now.at, upTo, fromVersion, limit: BATCH });
    const last = files.at(-1)?.place ?? BEGINNING;
    const isLast = files.length < BATCH;
    const to = isLast ? { version: upTo, ord: LAST_ORD } : last;
    const rows = files.flatMap((file) => {
      const range = rangeOfFile(opened(file), column, form);
      return range === undefined ? [] : [{ place: file.place, range }];
    });
    if (!(await lake.catalog.advanceScanIndex(now, to, rows))) return { files: indexed };
    now = { ...now, at: to, numRows: now.numRows + rows.length };
    indexed += files.length;
    if (isLast) return { files: indexed };
    // Whoever commits meanwhile does not wait for all of it.
    await lake.clock.sleep(0);
  }
  return { files: indexed, next: now };
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
