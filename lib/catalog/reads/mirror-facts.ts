/** What a table's health is derived from, of one table or of many: head, stop, oldest unpublished version, last comparison. */

import type { MirrorFacts } from "../../delta/health.ts";
import type { Clock, Page } from "../../ports.ts";
import { join, type Queries, raw, type Sql, sql, uuid } from "../database.ts";
import { followedOf } from "../rows/heads.ts";
import { MIRROR_FACTS, mirrorFactsOf } from "../rows/mirror-facts.ts";
import { integer, storedUuid } from "../rows/values.ts";
import { page } from "../tables.ts";

export async function mirrorFacts(
  db: Queries,
  clock: Clock,
  tableIds: readonly string[],
): Promise<readonly MirrorFacts[]> {
  const ids = [...new Set(tableIds.flatMap((id) => storedUuid(id) ?? []))];
  if (ids.length === 0) return [];
  return read(db, clock, sql`h.status = 'ACTIVE' and h.table_id in (${join(ids.map(uuid))})`);
}

/**
 * Each of them by an index, so that the many tables that are settled cost nothing. A query of its own within: some would else ask for
 * each table.
 */
const unsettled = (isUnpublished: string): Sql => sql`h.table_id in (select u.table_id from (
  select m.table_id from dl_mirror_status m where ${raw(isUnpublished)}
  union select table_id from dl_mirror_status where error_code is not null
  union select table_id from dl_tables where quarantine is not null
  union select table_id from dl_tables where followed_at is not null
  union select table_id from dl_parity where drift is not null) u)`;

export async function listMirrorFacts(
  db: Queries,
  clock: Clock,
  options: { readonly which: "all" | "unsettled"; readonly cursor?: string; readonly limit: number },
): Promise<Page<MirrorFacts>> {
  const { which, limit } = options;
  const cursor = options.cursor === undefined ? undefined : storedUuid(options.cursor);
  const after = cursor === undefined ? sql`true` : sql`h.table_id > ${uuid(cursor)}`;
  const wanted = which === "all" ? sql`true` : unsettled(db.dialect.isUnpublished);
  const where = sql`h.status = 'ACTIVE' and ${after} and ${wanted} order by h.table_id limit ${limit + 1}`;
  return page(await read(db, clock, where), limit, ({ tableId }) => tableId);
}

/** The time is that of the clock which commits go by: where the database has one, its own. */
async function read(db: Queries, clock: Clock, where: Sql): Promise<readonly MirrorFacts[]> {
  const now = db.dialect.now ?? sql`${clock.now()}`;
  const rows = await db.read(sql`
    with heads ${db.dialect.materialized} (${raw(MIRROR_FACTS.heads(db.dialect.isUnpublished))} where ${where})
    select ${raw(MIRROR_FACTS.columns)}, h.followed_at, h.followed_version, h.follow_error, ${now} as now from ${raw(MIRROR_FACTS.fromHeads)} order by h.table_id`);
  return rows.map((row) => {
    const followed = followedOf(row);
    return { ...mirrorFactsOf(row, integer(row, "now")), ...(followed && { followed }) };
  });
}
