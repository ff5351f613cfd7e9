/** Rows of what a table's health is derived from: head, stop, oldest unpublished version, last comparison. */

import type { DriftCounts, MirrorFacts, OpenVersion } from "../../delta/health.ts";
import type { CommittedTable, ParityRecord } from "../../ports.ts";
import type { Row } from "../database.ts";
import { integer, optionalInteger, optionalJsonObject, optionalText, text } from "./values.ts";

/** @param isUnpublished `Dialect.isUnpublished` */
const oldestOpen = (isUnpublished: string): string => `(
        select min(m.version) from dl_mirror_status m where m.table_id = h.table_id and ${isUnpublished})`;

const joins = (oldest: string) => `
      left join dl_mirror_status o on o.table_id = h.table_id and o.version = ${oldest}
      left join dl_mirror_status f on f.table_id = h.table_id and f.version = coalesce(o.version - 1, h.version)
        and f.status = 'COMPLETE' and f.error_code is not null
      left join dl_parity p on p.table_id = h.table_id`;

/**
 * The columns that {@link mirrorFactsOf} reads, and where they come from, with the table as h: a few look-ups by index a table.
 * As text, since dl_mirror_facts has it, too.
 */
export const MIRROR_FACTS = {
  columns: `h.table_id, h.name, h.version, h.quarantine, o.version as open_version, o.status as open_status,
      o.committed_at, o.attempts, o.last_error, o.error_code, o.tried_at, f.error_code as fault_code,
      f.last_error as fault, p.version as parity_version, p.checked_at, p.outcome, p.drift`,
  /** Of one table, where plans are pinned. */
  from: (isUnpublished: string): string => `dl_tables h${joins(oldestOpen(isUnpublished))}`,
  /**
   * Of many, under any plan: first the heads, each with its oldest open version, which a server with poor statistics would else
   * look for once for every version that there is.
   */
  heads: (isUnpublished: string): string => `select h.*, ${oldestOpen(isUnpublished)} as oldest_open from dl_tables h`,
  fromHeads: `heads h${joins("h.oldest_open")}`,
} as const;

export function mirrorFactsOf(row: Row, now: number): MirrorFacts {
  const reason = optionalText(row, "quarantine");
  const faultCode = optionalText(row, "fault_code");
  const parityVersion = optionalInteger(row, "parity_version");
  const openVersion = optionalInteger(row, "open_version");
  return {
    tableId: text(row, "table_id"),
    table: text(row, "name"),
    version: integer(row, "version"),
    now,
    ...(reason === undefined ? {} : { quarantine: reason }),
    ...(openVersion === undefined ? {} : { oldest: openVersionOf(row, openVersion) }),
    ...(faultCode === undefined ? {} : { fault: { code: faultCode, reason: optionalText(row, "fault") ?? faultCode } }),
    ...(parityVersion === undefined
      ? {}
      : {
          parity: {
            version: parityVersion,
            checkedAt: integer(row, "checked_at"),
            outcome: text(row, "outcome") as ParityRecord["outcome"],
            drift: driftOf(row).drift ?? {},
          },
        }),
  };
}

function openVersionOf(row: Row, version: number): OpenVersion {
  const lastError = optionalText(row, "last_error");
  const errorCode = optionalText(row, "error_code");
  const triedAt = optionalInteger(row, "tried_at");
  return {
    version,
    status: text(row, "open_status") as OpenVersion["status"],
    committedAt: integer(row, "committed_at"),
    attempts: integer(row, "attempts"),
    ...(lastError === undefined ? {} : { lastError }),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(triedAt === undefined ? {} : { triedAt }),
  };
}

export function driftOf(row: Row): { readonly drift?: DriftCounts } {
  const drift = optionalJsonObject(row, "drift");
  return drift === undefined ? {} : { drift: drift as DriftCounts };
}

/** The facts once the commit is made: its own versions are unpublished, too. */
export function factsAfter(
  before: readonly MirrorFacts[],
  committed: readonly CommittedTable[],
): readonly MirrorFacts[] {
  return before.flatMap((facts) => {
    const version = committed.find(({ tableId }) => tableId === facts.tableId)?.version;
    if (version === undefined) return [];
    const own = { version, status: "IN_FLIGHT", committedAt: facts.now, attempts: 0 } as const;
    return [{ ...facts, version, oldest: facts.oldest ?? own }];
  });
}
