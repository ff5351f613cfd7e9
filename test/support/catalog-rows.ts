/** Raw rows of a table, for tests that compare engines: everything but times. */

import { type Database, type Row, raw, sql, uuid } from "../../lib/catalog/database.ts";
import { openDataApi } from "../../lib/catalog/engines/data-api/driver.ts";
import { isDataApiUrl } from "../../lib/catalog/engines/data-api/transport/url.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { openSqlite } from "../../lib/catalog/engines/sqlite/driver.ts";

export interface TableRows {
  readonly head: readonly Row[];
  readonly versions: readonly Row[];
  readonly files: readonly Row[];
}

const LANES = "fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3";

/** Runs queries on a database of its own connection. */
export async function withDatabase<T>(url: string, work: (db: Database) => Promise<T>): Promise<T> {
  const database = isDataApiUrl(url)
    ? openDataApi(url)
    : url.startsWith("postgres")
      ? openPostgres(url, { poolSize: 1 })
      : url.startsWith("mysql")
        ? openMysql(url, { poolSize: 1 })
        : openSqlite(url);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

export function readRows(url: string, tableId: string): Promise<TableRows> {
  return withDatabase(url, async (db) => ({
    head: await db.read(sql`
      select version, base_version, num_files, size_in_bytes, row_id_high_water_mark, metadata_version, protocol_version,
        add_version, non_blind_add_version, remove_version, txn_version, domain_version, ${raw(LANES)}
      from dl_tables where table_id = ${uuid(tableId)}`),
    versions: await db.read(sql`
      select version, transaction_id, num_adds, num_removes, num_files, size_in_bytes, ${raw(LANES)}
      from dl_versions where table_id = ${uuid(tableId)} order by version`),
    files: await db.read(sql`
      select added_version, ord, removed_version, path, dv_key, num_records, base_row_id, default_row_commit_version,
        h0, h1, h2, h3
      from dl_files where table_id = ${uuid(tableId)} order by added_version, ord`),
  }));
}
