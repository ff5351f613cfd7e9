/**
 * A backup cut at an earlier moment. Rows are bound to versions, and all tables of a transaction have one timestamp, so what was there
 * at a moment is what belongs to versions up to it: any later backup has it, as long as it has the history.
 */

import { OPEN_VERSION } from "../../delta/table.ts";
import { type LakeError, notFound } from "../../errors.ts";
import type { BackupRow, BackupSet } from "../../ports.ts";
import type { RestoreStep } from "./restore-steps.ts";

export interface RestoreCut {
  /** Milliseconds: versions with a later timestamp are left out. */
  readonly timestamp: number;
  /** The version at the moment, of each table that was there. */
  readonly versions: ReadonlyMap<string, number>;
  /** Names of tables that have others now. */
  readonly names: ReadonlyMap<string, string>;
}

type Reader = (step: RestoreStep) => Promise<readonly BackupRow[]>;

/** @throws LakeError notFound HISTORY_NOT_IN_BACKUP where versions of the moment were cleaned away before the backup */
export async function cutAt(steps: readonly RestoreStep[], read: Reader, timestamp: number): Promise<RestoreCut> {
  const newest = new Map<string, number>();
  const names = new Map<string, string>();
  const versions = new Map<string, number>();
  const cleaned: string[] = [];
  for (const step of steps) {
    const { set } = step.part;
    if (!["dl_versions", "dl_table_names", "dl_tables"].includes(set)) continue;
    for (const values of await read(step)) {
      const row = Object.fromEntries(step.columns.map((name, i) => [name, values[i] ?? null]));
      const tableId = String(row.table_id);
      if (set === "dl_versions" && Number(row.timestamp) <= timestamp) {
        newest.set(tableId, Math.max(newest.get(tableId) ?? -1, Number(row.version)));
      }
      // They come in the order of changes: the first name that was lost later is the one of the moment.
      if (set === "dl_table_names" && Number(row.valid_until) > timestamp && !names.has(tableId)) {
        names.set(tableId, String(row.name));
      }
      if (set !== "dl_tables" || Number(row.created_at) > timestamp) continue;
      const version = newest.get(tableId) ?? -1;
      if (version >= Number(row.base_version)) versions.set(tableId, version);
      else if (row.status !== "DELETED" && version < Number(row.base_version)) cleaned.push(String(row.name));
    }
  }
  if (cleaned.length > 0) throw historyGone(cleaned, timestamp);
  return { timestamp, versions, names };
}

function historyGone(tables: readonly string[], timestamp: number): LakeError {
  const time = new Date(timestamp).toISOString();
  return notFound(
    `the backup has no version of ${tables.slice(0, 5).join(", ")} at ${time}: its history begins later`,
    {
      code: "HISTORY_NOT_IN_BACKUP",
      hint: "Choose a backup that was made nearer to that moment (--id).",
      facts: { tables },
    },
  );
}

/** The rows of a set as they were at the moment. */
export function rowsAt(cut: RestoreCut, set: BackupSet, columns: readonly string[], rows: readonly BackupRow[]) {
  const at = (name: string) => columns.indexOf(name);
  if (set.kind === "transactions") return rows.filter((row) => Number(row[at("committed_at")]) <= cut.timestamp);
  if (set.kind === "changes") return rows.filter((row) => Number(row[at("valid_until")]) <= cut.timestamp);
  const [tableAt, endAt] = [at("table_id"), at("removed_version")];
  if (set.kind === "whole") return rows.filter((row) => tableAt < 0 || cut.versions.has(String(row[tableAt])));
  if (set.kind === "heads") {
    return rows.flatMap((row) => {
      const version = cut.versions.get(String(row[tableAt]));
      return version === undefined ? [] : [headAt(cut, columns, row, version)];
    });
  }
  const versionAt = [at("added_version"), at("version")].find((place) => place >= 0) ?? -1;
  return rows.flatMap((row) => {
    const version = cut.versions.get(String(row[tableAt])) ?? -1;
    if (Number(row[versionAt]) > version) return [];
    if (endAt < 0 || Number(row[endAt]) <= version) return [row];
    return set.kind === "ended" ? [] : [row.with(endAt, OPEN_VERSION)];
  });
}

/** Name and status of the moment; numbers and markers are counted again from the rows. */
function headAt(cut: RestoreCut, columns: readonly string[], row: BackupRow, version: number): BackupRow {
  const values = Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null]));
  const dropped = Number(values.dropped_at ?? 0) > cut.timestamp && values.purged_at === null;
  const name = cut.names.get(String(values.table_id)) ?? values.name;
  const isOther = dropped || name !== values.name;
  const then = {
    ...values,
    version,
    name,
    // What comes later in this life of the catalog has not been forgotten.
    forgotten_version: Math.min(Number(values.forgotten_version ?? -1), version),
    forgotten_before: Math.min(Number(values.forgotten_before ?? 0), cut.timestamp),
    ...(dropped ? { status: "ACTIVE", dropped_at: null } : {}),
    // The log has been told of what came later: it has to hear again.
    ...(isOther ? { identity_changes: Number(values.identity_changes ?? 0) + 1 } : {}),
  };
  return columns.map((column) => (then as Record<string, BackupRow[number]>)[column] ?? null);
}
