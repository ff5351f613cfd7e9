/** What a table's health is derived from, of one table or of many: head, stop, oldest unpublished version, last comparison. */

import type { MirrorFacts, OpenVersion } from "../../delta/health.ts";
import type { Clock, Page } from "../../ports.ts";
import { join, type Queries, type Row, raw, type Sql, sql, uuid } from "../database.ts";
import { driftOf } from "../parity.ts";
import { integer, optionalInteger, optionalText, storedUuid, text } from "../rows/values.ts";
import { page } from "../tables.ts";

/**
 * The columns that {@link mirrorFactsOf} reads, and where they come from, with the table as t: a few look-ups by index a table.
 * As text, since dl_commit_2 has it, too.
 */
export const MIRROR_FACTS = {
  columns: `t.table_id, t.name, t.version, t.quarantine, o.version as open_version, o.status as open_status,
      o.committed_at, o.attempts, o.last_error, o.error_code, o.tried_at, f.error_code as fault_code,
      f.last_error as fault, p.version as parity_version, p.checked_at, p.drift`,
  from: `dl_tables t
      left join dl_mirror_status o on o.table_id = t.table_id and o.version = (
        select min(m.version) from dl_mirror_status m where m.table_id = t.table_id and m.status <> 'COMPLETE')
      left join dl_mirror_status f on f.table_id = t.table_id and f.version = coalesce(o.version - 1, t.version)
        and f.status = 'COMPLETE' and f.error_code is not null
      left join dl_parity p on p.table_id = t.table_id`,
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
      : { parity: { version: parityVersion, checkedAt: integer(row, "checked_at"), drift: driftOf(row).drift ?? {} } }),
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

export async function mirrorFacts(
  db: Queries,
  clock: Clock,
  tableIds: readonly string[],
): Promise<readonly MirrorFacts[]> {
  const ids = [...new Set(tableIds.flatMap((id) => storedUuid(id) ?? []))];
  if (ids.length === 0) return [];
  return read(db, clock, sql`t.status = 'ACTIVE' and t.table_id in (${join(ids.map(uuid))})`);
}

/** Each of them by an index, so that the many tables that are settled cost nothing. */
const UNSETTLED = sql`t.table_id in (
  select table_id from dl_mirror_status where status <> 'COMPLETE'
  union select table_id from dl_mirror_status where error_code is not null
  union select table_id from dl_tables where quarantine is not null
  union select table_id from dl_parity where drift is not null)`;

export async function listMirrorFacts(
  db: Queries,
  clock: Clock,
  options: { readonly which: "all" | "unsettled"; readonly cursor?: string; readonly limit: number },
): Promise<Page<MirrorFacts>> {
  const { which, limit } = options;
  const cursor = options.cursor === undefined ? undefined : storedUuid(options.cursor);
  const after = cursor === undefined ? sql`true` : sql`t.table_id > ${uuid(cursor)}`;
  const wanted = which === "all" ? sql`true` : UNSETTLED;
  const where = sql`t.status = 'ACTIVE' and ${after} and ${wanted} order by t.table_id limit ${limit + 1}`;
  return page(await read(db, clock, where), limit, ({ tableId }) => tableId);
}

/** The time is that of the clock which commits go by: where the database has one, its own. */
async function read(db: Queries, clock: Clock, where: Sql): Promise<readonly MirrorFacts[]> {
  const now = db.dialect.now ?? sql`${clock.now()}`;
  const rows = await db.read(sql`
    select ${raw(MIRROR_FACTS.columns)}, ${now} as now from ${raw(MIRROR_FACTS.from)} where ${where}`);
  return rows.map((row) => mirrorFactsOf(row, integer(row, "now")));
}
