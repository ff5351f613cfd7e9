/** Takes rows of versions away that SQL no longer keeps, a batch at a time: base_version has moved above them before. */

import type { TrimKeeps } from "../../ports.ts";
import { type Database, OPEN, raw, type Sql, sql, uuid } from "../database.ts";
import { integer, optionalInteger, requireUuid } from "../rows/values.ts";

/**
 * Rows of the oldest versions, in one transaction. Those of dl_versions go in the same one: they say that something is left, so
 * whoever is killed has taken away a batch or nothing.
 */
export async function trimBelowBase(db: Database, tableId: string, keep: TrimKeeps): Promise<boolean> {
  const id = requireUuid(tableId, "table id");
  const [head] = await db.read(sql`
    select t.base_version, (select min(v.version) from dl_versions v where v.table_id = t.table_id) as oldest
    from dl_tables t where t.table_id = ${uuid(id)} and t.status = 'ACTIVE'`);
  const base = head && integer(head, "base_version");
  const oldest = head && optionalInteger(head, "oldest");
  if (base === undefined || oldest === undefined || oldest >= base) return false;
  const to = Math.min(base, oldest + keep.batch);
  await db.transaction(
    async (tx) => {
      for (const statement of statements(id, { oldest, to }, keep)) await tx.write(statement);
    },
    { long: true },
  );
  return to < base;
}

function statements(
  tableId: string,
  { oldest, to }: { readonly oldest: number; readonly to: number },
  { tombstonesNewerThan, txnsUpdatedAfter, removesAfter }: TrimKeeps,
): readonly Sql[] {
  const id = uuid(tableId);
  const before = (table: string): Sql => sql`delete from ${raw(table)} where table_id = ${id} and version < ${to}`;
  /** Every file that was closed at these versions was so by a remove, or by an add of the same path. */
  const closed = (by: Sql): Sql => sql`
    delete from dl_files where table_id = ${id} and removed_version < ${to} and removed_version < ${OPEN} and path_key in (${by})`;
  // In a query of its own: some engines read no table that they are deleting from.
  const apart = (rows: Sql, columns: string): Sql => sql`(select ${raw(columns)} from (${rows}) n)`;
  const newest = (table: string): Sql =>
    apart(
      sql`select max(version) as version from ${raw(table)} where table_id = ${id} and version <= ${to}`,
      "version",
    );
  const hasNewer = (table: string, key: string): Sql => {
    const columns = `${key}, version`;
    const last = sql`select ${raw(key)}, max(version) as version from ${raw(table)}
      where table_id = ${id} and version <= ${to} group by ${raw(key)}`;
    return sql`(${raw(columns)}) not in ${apart(last, columns)}`;
  };
  const hasExpired =
    txnsUpdatedAfter === undefined ? sql`false` : sql`coalesce(last_updated, 0) <= ${txnsUpdatedAfter}`;
  return [
    closed(sql`select path_key from dl_removes where table_id = ${id} and version >= ${oldest} and version < ${to}`),
    closed(
      apart(
        sql`select path_key from dl_files where table_id = ${id} and added_version >= ${oldest} and added_version < ${to}`,
        "path_key",
      ),
    ),
    sql`${before("dl_removes")} and version <= ${removesAfter} and coalesce(deletion_timestamp, 0) <= ${tombstonesNewerThan}`,
    sql`${before("dl_other_actions")} and version <= ${removesAfter}`,
    sql`${before("dl_metadata")} and version < ${newest("dl_metadata")}`,
    sql`${before("dl_protocols")} and version < ${newest("dl_protocols")}`,
    sql`${before("dl_txns")} and (${hasExpired} or ${hasNewer("dl_txns", "app_id")})`,
    sql`${before("dl_domains")} and ${hasNewer("dl_domains", "domain")}`,
    sql`${before("dl_domains")} and removed`,
    sql`${before("dl_mirror_status")} and status = 'COMPLETE'`,
    before("dl_versions"),
  ];
}
