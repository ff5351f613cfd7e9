/** Heads that were set to an earlier version: their numbers, fingerprints and markers, made of the rows that there are. */

import { ROW_TRACKING_DOMAIN } from "../../delta/checks/system-domains.ts";
import { join, OPEN, raw, type Sql, type SqlTransaction, sql, uuid } from "../database.ts";
import { FINGERPRINT_COLUMNS } from "../rows/heads.ts";

const IDS_AT_ONCE = 200;

/** As commits leave them (commit/write-version.ts). A marker that is not above the version is right as it is. */
export async function recountHeads(tx: SqlTransaction, tableIds: readonly string[]): Promise<void> {
  const ofVersion = ["timestamp", "num_files", "size_in_bytes", ...FINGERPRINT_COLUMNS].map(
    (column) =>
      sql`${raw(column)} = (select v.${raw(column)} from dl_versions v where v.table_id = t.table_id and v.version = t.version)`,
  );
  const marker = (column: string, newest: Sql) =>
    sql`${raw(column)} = case when t.${raw(column)} <= t.version then t.${raw(column)} else coalesce((${newest}), -1) end`;
  const newest = (column: string, rows: string) =>
    sql`select max(r.${raw(column)}) from ${raw(rows)} r where r.table_id = t.table_id`;
  const mark = tx.dialect.longIn("r.configuration", "rowIdHighWaterMark");
  const set = [
    ...ofVersion,
    marker("metadata_version", newest("version", "dl_metadata")),
    marker("protocol_version", newest("version", "dl_protocols")),
    marker("add_version", sql`${newest("version", "dl_versions")} and r.num_adds > 0`),
    marker(
      "non_blind_add_version",
      sql`${newest("version", "dl_versions")} and r.num_adds > 0 and r.is_blind_append = ${false}`,
    ),
    marker(
      "remove_version",
      sql`select max(e.version) from (select r.version from dl_removes r where r.table_id = t.table_id
        union all select f.removed_version from dl_files f where f.table_id = t.table_id and f.removed_version < ${OPEN}) e`,
    ),
    marker("txn_version", newest("version", "dl_txns")),
    marker("domain_version", sql`${newest("version", "dl_domains")} and r.domain <> ${ROW_TRACKING_DOMAIN}`),
    sql`row_id_high_water_mark = coalesce((select ${mark} from dl_domains r
      where r.table_id = t.table_id and r.domain = ${ROW_TRACKING_DOMAIN} order by r.version desc limit 1), -1)`,
  ];
  for (let start = 0; start < tableIds.length; start += IDS_AT_ONCE) {
    const ids = join(tableIds.slice(start, start + IDS_AT_ONCE).map(uuid));
    await tx.write(sql`update dl_tables as t set ${join(set)} where t.table_id in (${ids})`);
  }
}
