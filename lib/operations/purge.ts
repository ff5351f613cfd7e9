/** Ends a dropped table for good: its rows, and its files where that is asked for (ARCHITECTURE.md D65). */

import { LAST_CHECKPOINT, MANIFEST, MOVED_MARK } from "../delta/files/log-files.ts";
import type { TableRef } from "../delta/request.ts";
import { invalid, isLakeError, LakeError } from "../errors.ts";
import type { DroppedHead, Lake, ObjectInfo, Signal } from "../ports.ts";
import { BATCH_FILES, openSurvey } from "./cleaning/vacuum-files.ts";
import { noteNested } from "./cleaning/vacuum-orphans.ts";
import { isEjected } from "./publishing/manifest.ts";
import { missingTable, undropUntil, undropWindowMs } from "./tables/missing-table.ts";

/** Rows of one kind in one transaction. */
const BATCH_ROWS = 10_000;
/** Files that are not older than the purge by so much may be those of a table that is being made there. */
const MARGIN_MS = 600_000;
const DROPPED_PAGE = 500;
/** Above all versions: none of the table's own is asked about. */
const NO_VERSION = Number.MAX_SAFE_INTEGER - 1;

export interface PurgeOptions {
  /** True: also its log and its data files, apart from those that other tables name. */
  readonly files?: boolean;
  /** Looked at between batches: aborted, it leaves the rest to the next call. */
  readonly signal?: Signal;
}

export interface PurgedTable {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  /** Files that were removed: of the log, and data files with their bytes. */
  readonly logFiles: number;
  readonly files: number;
  readonly bytes: bigint;
  /** Files that other tables name, or that are too young. */
  readonly kept: number;
  /** Files that could not be removed; the purge is to be repeated. */
  readonly failed: number;
  readonly interrupted: boolean;
}

/**
 * Purges a table whose window is over. In batches, and repeatable after a kill: first it can no longer come back, then its log goes, so that
 * nobody imports what is about to go; then its rows, then its data files. A table that was purged without its files loses them
 * by a second call. Transaction ids are remembered on.
 * @throws LakeError notFound; conflict UNDROP_WINDOW_OPEN, PLACE_IN_USE
 */
export async function purgeTable(lake: Lake, ref: TableRef, options: PurgeOptions = {}): Promise<PurgedTable> {
  const { dropped } = (await lake.catalog.whereabouts(ref)) ?? {};
  if (dropped === undefined) throw await notDropped(lake, ref);
  const { tableId, name, location } = dropped;
  if (options.files) {
    await checkPlaceIsOurs(lake, dropped);
    checkNotTheirs(dropped);
    await checkNotEjected(lake, dropped);
  }
  const outcome = await lake.catalog.beginPurge(tableId, { windowMs: undropWindowMs(lake) });
  if (outcome.status === "canComeBack") throw windowOpen(lake, outcome.table);
  const logFiles = options.files ? await removeLog(lake, dropped) : 0;
  let interrupted = false;
  while (!interrupted && (await lake.catalog.purgeRows(tableId, BATCH_ROWS)))
    interrupted = options.signal?.aborted ?? false;
  const begun = outcome.table.purgedAt ?? 0;
  const wantsFiles = options.files === true && !interrupted;
  const removed = wantsFiles ? await removeData(lake, dropped, begun, options) : NOTHING;
  return { tableId, name, location, logFiles, ...removed, interrupted: interrupted || removed.interrupted };
}

/** Purges every table whose window is over; one that fails holds up no other. */
export async function* purgeExpired(
  lake: Lake,
  options: PurgeOptions = {},
): AsyncGenerator<PurgedTable | { readonly tableId: string; readonly name: string; readonly error: LakeError }> {
  for await (const { tableId, name } of expiredTables(lake)) {
    if (options.signal?.aborted) return;
    try {
      yield await purgeTable(lake, { tableId }, options);
    } catch (error) {
      if (!isLakeError(error)) throw error;
      lake.metrics.record("MaintenanceFailures", 1, "Count", { tableId, error: error.message });
      yield { tableId, name, error };
    }
  }
}

/** Dropped tables that cannot come back any more, and are not purged. */
export async function* expiredTables(lake: Lake): AsyncGenerator<DroppedHead> {
  let cursor: string | undefined;
  do {
    const page = await lake.catalog.listDropped({
      limit: DROPPED_PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const table of page.items) if (undropUntil(lake, table) === undefined) yield table;
    cursor = page.next;
  } while (cursor !== undefined);
}

async function notDropped(lake: Lake, ref: TableRef): Promise<LakeError> {
  const head = await lake.catalog.findTable(ref);
  if (head === undefined) return missingTable(lake, ref);
  return new LakeError("conflict", `the table "${head.name}" is not dropped`, {
    code: "TABLE_EXISTS",
    hint: "Drop it first (`dl drop`); for some days it can come back then.",
    facts: { tableId: head.tableId },
  });
}

function windowOpen(lake: Lake, table: DroppedHead): LakeError {
  const until = undropUntil(lake, table);
  return new LakeError("conflict", `"${table.name}" can still come back`, {
    code: "UNDROP_WINDOW_OPEN",
    hint: "Wait until the window is over, or set tables.undrop_window_days lower.",
    facts: { tableId: table.tableId, ...(until === undefined ? {} : { undropUntil: until }) },
  });
}

/** @throws LakeError conflict PLACE_IN_USE */
async function checkPlaceIsOurs(lake: Lake, { tableId, name, location }: DroppedHead): Promise<void> {
  const other = await lake.catalog.sharesPlace(tableId, location);
  if (other === undefined) return;
  throw new LakeError(
    "conflict",
    `the files of "${name}" cannot go: the table "${other.name}" has its place, at ${other.location}`,
    {
      code: "PLACE_IN_USE",
      hint: "Purge it without its files, or purge the other one first, if that was dropped, too.",
      facts: { tableId: other.tableId, name: other.name, location: other.location },
    },
  );
}

/** The files of a table that others wrote all the time are not ours to remove. @throws LakeError conflict TABLE_FOLLOWED */
function checkNotTheirs({ tableId, name, location, isFollowed }: DroppedHead): void {
  if (!isFollowed) return;
  throw new LakeError("conflict", `the files of "${name}" stay: others wrote it, and this catalog only followed it`, {
    code: "TABLE_FOLLOWED",
    at: location,
    hint: "Purge it without its files: then its rows alone go.",
    facts: { tableId, location },
  });
}

/** The files of a table that was given back are not ours to remove. @throws LakeError conflict TABLE_EJECTED */
async function checkNotEjected(lake: Lake, { tableId, name, location }: DroppedHead): Promise<void> {
  if (!(await isEjected(lake, { tableId, location }))) return;
  throw new LakeError("conflict", `the files of "${name}" stay: it was given back (\`dl eject\`)`, {
    code: "TABLE_EJECTED",
    at: `${location}/_delta_log/${MANIFEST}`,
    hint: "Purge it without its files: then its rows alone go.",
    facts: { tableId, location },
  });
}

/** The newest version first, so that no reader sees a log with a gap; the manifest at the very end. */
async function removeLog(lake: Lake, { location }: DroppedHead): Promise<number> {
  const log = lake.openLog(location);
  const { commits, checkpoints, summaries } = await log.listFrom(0);
  const names = [...commits, ...summaries, ...checkpoints.flatMap(({ files }) => files)].map(({ name }) => name);
  names.sort((a, b) => (a < b ? 1 : -1));
  if (names.length === 0 && (await log.readManifest()) === undefined) return 0;
  const failed = await log.removeFiles([LAST_CHECKPOINT, ...names, MOVED_MARK, MANIFEST]);
  const [first] = failed;
  if (first !== undefined) throw first.error;
  return names.length;
}

type Removed = Pick<PurgedTable, "files" | "bytes" | "kept" | "failed" | "interrupted">;
const NOTHING: Removed = { files: 0, bytes: 0n, kept: 0, failed: 0, interrupted: false };

/** Its rows are gone: what SQL still has of a file is another table's. */
async function removeData(
  lake: Lake,
  dropped: DroppedHead,
  purgedAt: number,
  { signal }: PurgeOptions,
): Promise<Removed> {
  const { location, tableId } = dropped;
  const data = lake.openDataFiles?.(location);
  if (data === undefined) throw invalid("this process cannot remove data files");
  const survey = await openSurvey(lake, { location });
  // Logs of tables that this catalog does not know, wherever they are in the listing.
  for await (const page of data.list()) for (const { key } of page) noteNested(key, survey.nested);
  let { files, bytes, kept, failed } = NOTHING;
  for await (const page of data.list()) {
    for (let i = 0; i < page.length; i += BATCH_FILES) {
      if (signal?.aborted) return { files, bytes, kept, failed, interrupted: true };
      await checkPlaceIsOurs(lake, dropped);
      const some = page.slice(i, i + BATCH_FILES);
      const mine = some.filter(({ key, modifiedAt }) => !survey.isKept(key) && modifiedAt < purgedAt - MARGIN_MS);
      const free = await unnamed(lake, { tableId, location }, mine);
      const left = new Set((await data.remove(free.map(({ key }) => key))).map(({ key }) => key));
      const gone = free.filter(({ key }) => !left.has(key));
      files += gone.length;
      bytes += gone.reduce((sum, { size }) => sum + BigInt(size), 0n);
      kept += some.length - free.length;
      failed += left.size;
    }
  }
  return { files, bytes, kept, failed, interrupted: false };
}

/** Those that no table of the catalog names; deletion vectors of others are in the survey. */
async function unnamed(
  lake: Lake,
  table: Pick<DroppedHead, "tableId" | "location">,
  files: readonly ObjectInfo[],
): Promise<readonly ObjectInfo[]> {
  const keys = files.map(({ key }) => key);
  const used = await lake.catalog.filesInUse({ ...table, floor: NO_VERSION }, { keys, vectors: [] });
  return files.filter((_, place) => !used.keys.has(place));
}
