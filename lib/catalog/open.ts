/** Opens a catalog by its URL: the only place that knows which engines there are. */

import { requireSqliteFile } from "../database-url.ts";
import type { Catalog, Clock } from "../ports.ts";
import type { DataApiOptions } from "./engines/data-api/transport/client.ts";
import { isDataApiUrl } from "./engines/data-api/transport/url.ts";
import type { PostgresOptions } from "./engines/postgres/options.ts";
import type { SqliteOptions } from "./engines/sqlite/driver.ts";
import { catalogOn } from "./sql-catalog.ts";

export type { PostgresOptions } from "./engines/postgres/options.ts";

const POSTGRES = /^postgres(ql)?:\/\//i;
const MYSQL = /^mysql:\/\//i;

export interface CatalogOptions extends PostgresOptions, SqliteOptions, DataApiOptions {
  /** Leaves a new SQLite file without a schema: a restore makes the one of the backup. */
  readonly schema?: "leave";
}

/** True for a server on another machine that is spoken to in plain text, as somebody has asked for. @throws LakeError invalid */
export async function isPlainText(url: string, sslMode: PostgresOptions["sslMode"]): Promise<boolean> {
  if (POSTGRES.test(url)) {
    const { serversOf } = await import("./engines/postgres/servers.ts");
    const { speaksPlainText } = await import("./engines/postgres/tls.ts");
    return speaksPlainText(serversOf(url).urls, sslMode);
  }
  if (!MYSQL.test(url)) return false;
  const { speaksPlainText } = await import("./engines/mysql/url.ts");
  return speaksPlainText(url, sslMode);
}

/**
 * @param url a file path or `sqlite:PATH`, `postgresql://…` or `postgres://…`, `mysql://…`,
 *   `rds-data://CLUSTER_ARN?secret=SECRET_ARN&database=NAME`
 *
 * A new SQLite file is migrated. Any other database that lacks migrations refuses every call but `migrate` with
 * SCHEMA_OUTDATED. A database on a server is not contacted before the first call.
 * @throws LakeError invalid, unavailable
 */
export async function openCatalog(url: string, clock: Clock, options: CatalogOptions = {}): Promise<Catalog> {
  // Each driver is loaded where it is used.
  if (POSTGRES.test(url)) {
    const { openPostgres } = await import("./engines/postgres/driver.ts");
    return catalogOn(openPostgres(url, options), clock);
  }
  if (MYSQL.test(url)) {
    const { openMysql } = await import("./engines/mysql/driver.ts");
    return catalogOn(openMysql(url, options), clock);
  }
  if (isDataApiUrl(url)) {
    const { openDataApi } = await import("./engines/data-api/driver.ts");
    return catalogOn(openDataApi(url, options), clock);
  }
  const { openSqlite } = await import("./engines/sqlite/driver.ts");
  const database = openSqlite(requireSqliteFile(url), options);
  const catalog = catalogOn(database, clock);
  try {
    if (options.schema !== "leave" && (await database.isNew())) await catalog.migrate();
    return catalog;
  } catch (error) {
    await catalog.close();
    throw error;
  }
}
