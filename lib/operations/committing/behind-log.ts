/**
 * SQL that is older than the log: a backup was restored, a late replica took over, a file was copied back (ARCHITECTURE.md D57). What
 * is committed on top of it could never be published, and readers would go on at versions that SQL does not know.
 */

import { BoundedMap } from "../../bounded-map.ts";
import { LOG_FOLDER, type LogListing, MOVED_MARK } from "../../delta/files/log-files.ts";
import type { MirrorFacts } from "../../delta/health.ts";
import { isLakeError, LakeError } from "../../errors.ts";
import type { Catalog, CommittedTable, Lake, TableHead } from "../../ports.ts";
import { firstAbove } from "../publishing/late-files.ts";
import { movedOn } from "../publishing/manifest.ts";
import { healthOfTables } from "../table-health.ts";

export const BEHIND_LOG = "CATALOG_BEHIND_LOG";

/** A table, as an error names it. */
type Named = Pick<TableHead, "tableId" | "name" | "location">;

/** Bounds the memory of a long life, not the safety of a usual one. */
const MAX_TABLES = 100_000;

const newest = new WeakMap<Catalog, BoundedMap<string, number>>();

/** Remembers of each table that SQL had this version. */
export function noteHeads(lake: Lake, tables: readonly Pick<CommittedTable, "tableId" | "version">[]): void {
  const seen = newest.get(lake.catalog) ?? new BoundedMap<string, number>(MAX_TABLES);
  newest.set(lake.catalog, seen);
  for (const { tableId, version } of tables) seen.set(tableId, Math.max(seen.get(tableId) ?? -1, version));
}

/** The newest version that this process has seen of a table; −1 for none. SQL that has less now has gone back in time. */
export function newestSeen(lake: Lake, tableId: string): number {
  return newest.get(lake.catalog)?.get(tableId) ?? -1;
}

/**
 * Looks whether the log holds anything above the head that is not a dropped table's: one LIST of the store, and no more where it
 * finds nothing. What it finds is written down, so that every process refuses and whoever asks about the table is told.
 * @param table `version` may be older than the head
 * @throws LakeError unavailable CATALOG_BEHIND_LOG, or where the store does not answer
 */
export async function checkNotBehind(lake: Lake, table: Named & Pick<TableHead, "version">): Promise<void> {
  const listing = await listAbove(lake, table);
  if (listing.mayHaveMoved) await checkNotMoved(lake, table);
  if (newestIn(listing) <= table.version) return;
  // A mirror may have published meanwhile what was committed meanwhile: only a head that is read after the listing tells.
  const head = await lake.catalog.findTable({ tableId: table.tableId });
  if (head === undefined) return;
  noteHeads(lake, [head]);
  const found = await firstAbove(lake, head, listing, head.version);
  if (found === undefined) return;
  const logVersion = newestIn(listing);
  const message = `SQL knows the table "${head.name}" up to version ${head.version}, and its log goes on to version ${logVersion}`;
  const published = await lake.catalog.mirroredVersion(head.tableId);
  await lake.catalog.markLogFault(head.tableId, published, { code: "LOG_AHEAD", message });
  throw await refused(lake, head, message, {
    version: head.version,
    logVersion,
    at: `${head.location}/${LOG_FOLDER}/${found.name}`,
  });
}

/** The log of a place that the table has left ends, and nothing that is published there is ever seen. */
async function checkNotMoved(lake: Lake, table: Named): Promise<void> {
  const moved = await movedOn(lake, table);
  const head = moved && (await lake.catalog.findTable({ tableId: table.tableId }));
  if (head === undefined) return;
  const message = `SQL knows the table "${head.name}" at ${head.location}, and its log says that it has moved to ${moved?.to}`;
  const published = await lake.catalog.mirroredVersion(head.tableId);
  await lake.catalog.markLogFault(head.tableId, published, { code: "LOG_AHEAD", message });
  throw await refused(lake, head, message, {
    version: head.version,
    at: `${head.location}/${LOG_FOLDER}/${MOVED_MARK}`,
  });
}

async function listAbove(lake: Lake, { name, location, version }: Named & { version: number }): Promise<LogListing> {
  try {
    return await lake.openLog(location).listFrom(version + 1);
  } catch (error) {
    if (!isLakeError(error, "unavailable")) throw error;
    throw new LakeError("unavailable", `the log of "${name}" could not be looked at: ${error.message}`, {
      code: error.code,
      at: `${location}/${LOG_FOLDER}`,
      hint: "Nothing was written. Send the same request again: a server looks at a log before its first commit to a table.",
      cause: error,
    });
  }
}

function newestIn({ commits, checkpoints }: LogListing): number {
  return Math.max(commits.at(-1)?.version ?? -1, checkpoints.at(-1)?.version ?? -1);
}

/**
 * The statement has refused because somebody wrote down that the log is ahead. Looks whether it still is: where SQL has caught up, or
 * the files are gone, that is taken back, and the commit may be tried again.
 * @throws LakeError unavailable CATALOG_BEHIND_LOG
 */
export async function checkStillBehind(
  lake: Lake,
  table: Named,
  { version, oldest, fault }: MirrorFacts,
): Promise<void> {
  await checkNotBehind(lake, { ...table, version });
  if (fault !== undefined) {
    const published = oldest === undefined ? version : oldest.version - 1;
    await lake.catalog.markLogFault(table.tableId, published, undefined);
    return;
  }
  // The mirror met it, and is the one who can tell that it is over.
  await lake.queue.enqueue([{ tableId: table.tableId, version }]);
  throw await refused(lake, table, `nothing can be published to "${table.name}": ${oldest?.lastError}`, { version });
}

/**
 * For whoever gets a message about a version that was committed: SQL must have it. One read of SQL; where it lacks the version a look at
 * the log tells whether the database is older than that, or what was acknowledged is in neither of them.
 * @throws LakeError unavailable CATALOG_BEHIND_LOG
 */
export async function checkCommitted(
  lake: Lake,
  { tableId, version }: Pick<CommittedTable, "tableId" | "version">,
): Promise<void> {
  const table = await lake.catalog.findTable({ tableId }, { anyStatus: true });
  if (table === undefined) {
    const unknown = { tableId, name: tableId, location: "" };
    throw await refused(
      lake,
      unknown,
      `version ${version} of the table ${tableId} was committed, and SQL knows no such table`,
      {},
    );
  }
  if (table.status === "DELETED" || table.version >= version) return;
  await checkNotBehind(lake, table);
  const message = `version ${version} of "${table.name}" was committed, and SQL knows it up to version ${table.version}`;
  throw await refused(lake, table, message, { version: table.version, seenVersion: version });
}

/** @param version what SQL has now, which is less than it had */
export async function wentBack(lake: Lake, table: Named, version: number): Promise<LakeError> {
  const seen = newestSeen(lake, table.tableId);
  const message = `SQL knew the table "${table.name}" up to version ${seen}, and now only up to version ${version}`;
  return refused(lake, table, message, { version, seenVersion: seen });
}

async function refused(
  lake: Lake,
  { tableId, name }: Named,
  message: string,
  { at, ...facts }: Readonly<Record<string, unknown>> & { readonly at?: string },
): Promise<LakeError> {
  const health = (await healthOfTables(lake, [tableId])).get(tableId)?.health;
  lake.metrics.record("CommitsBehindLog", 1, "Count", { tableId, table: name });
  return new LakeError("unavailable", `${message}: the database is older than the log, or somebody else writes to it`, {
    code: BEHIND_LOG,
    hint: `Nothing was written. \`dl recover ${name}\` takes over into SQL what the log has more, or bring back the newer database; see docs/runbook.md, "tables-behind-log".`,
    ...(at === undefined ? {} : { at }),
    facts: { tableId, table: name, ...facts, ...(health && { health }) },
  });
}
