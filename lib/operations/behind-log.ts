/**
 * SQL that is older than the log: a backup was restored, a late replica took over, a file was copied back. What is committed on top of
 * it could never be published, and readers would go on at versions that SQL does not know.
 */

import { commitFileName } from "../delta/log-files.ts";
import { LakeError } from "../errors.ts";
import type { Catalog, CommittedTable, Lake, TableState } from "../ports.ts";

export const BEHIND_LOG = "CATALOG_BEHIND_LOG";

/** Bounds the memory of a long life, not the safety of a usual one. */
const MAX_TABLES = 100_000;

const newest = new WeakMap<Catalog, Map<string, number>>();

/** Remembers of each table that SQL had this version. */
export function noteHeads(lake: Lake, tables: readonly Pick<CommittedTable, "tableId" | "version">[]): void {
  const seen = newest.get(lake.catalog) ?? new Map<string, number>();
  newest.set(lake.catalog, seen);
  if (seen.size > MAX_TABLES) seen.clear();
  for (const { tableId, version } of tables) seen.set(tableId, Math.max(seen.get(tableId) ?? -1, version));
}

/** The newest version that this process has seen of a table; −1 for none. SQL that has less now has gone back in time. */
export function newestSeen(lake: Lake, tableId: string): number {
  return newest.get(lake.catalog)?.get(tableId) ?? -1;
}

/**
 * Looks whether the log holds anything above the head. One call of the store, for a writer that has read a version which SQL does not have.
 * @throws LakeError unavailable CATALOG_BEHIND_LOG
 */
export async function checkNotBehind(lake: Lake, state: TableState): Promise<void> {
  const { commits, checkpoints } = await lake.openLog(state.location).listFrom(state.version + 1);
  const top = Math.max(-1, ...[...commits, ...checkpoints].map(({ version }) => version));
  if (top > state.version) throw await behind(lake, state, top);
}

async function behind(lake: Lake, { tableId, name, version, location }: TableState, top: number): Promise<LakeError> {
  const message = `SQL knows the table "${name}" up to version ${version}, and its log goes on to version ${top}`;
  const published = await lake.catalog.mirroredVersion(tableId);
  await lake.catalog.markLogFault(tableId, published, { code: "LOG_AHEAD", message });
  return behindLog(message, {
    tableId,
    table: name,
    version,
    logVersion: top,
    at: `${location}/_delta_log/${commitFileName(top)}`,
  });
}

/** @param version what SQL has now, which is less than it had */
export function wentBack(lake: Lake, { tableId, name }: TableState, version: number): LakeError {
  const seen = newestSeen(lake, tableId);
  return behindLog(`SQL knew the table "${name}" up to version ${seen}, and now only up to version ${version}`, {
    tableId,
    table: name,
    version,
    seenVersion: seen,
  });
}

function behindLog(
  message: string,
  { at, ...facts }: Readonly<Record<string, unknown>> & { readonly at?: string },
): LakeError {
  return new LakeError("unavailable", `${message}: the database is older than the log`, {
    code: BEHIND_LOG,
    hint: "Nothing was written. Bring back the newer database. If versions were written past the catalog, see docs/runbook.md, `behindLog`.",
    ...(at === undefined ? {} : { at }),
    facts,
  });
}
