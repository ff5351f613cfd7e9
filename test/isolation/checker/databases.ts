/** The databases under the servers of the checker: one on a PostgreSQL or MySQL that is there, also behind the Data API, one on a PostgreSQL or MariaDB that crashes, or a SQLite file. */

import { join } from "node:path";
import { raw } from "../../../lib/catalog/database.ts";
import { openMysql } from "../../../lib/catalog/engines/mysql/driver.ts";
import { openPostgres } from "../../../lib/catalog/engines/postgres/driver.ts";
import { dataApiUrl } from "../../support/catalog-engines.ts";
import { startDataApi } from "../../support/data-api/emulator.ts";
import { startOwnMariadb } from "../../support/own-mariadb.ts";
import { startOwnPostgres } from "../../support/own-postgres.ts";
import { pause } from "./lake-client.ts";

/** A server of PostgreSQL or MySQL by its address; a PostgreSQL of our own, by the folder of its programs, or a MariaDB, that is crashed; or SQLite. */
export type DatabaseChoice =
  | { readonly engine: "postgres"; readonly url: string }
  | { readonly engine: "data-api"; readonly url: string }
  | { readonly engine: "data-api over mysql"; readonly url: string }
  | { readonly engine: "mysql"; readonly url: string }
  | { readonly engine: "postgres that crashes"; readonly programs: string }
  | { readonly engine: "mysql that crashes" }
  | { readonly engine: "sqlite" };

export interface CheckedDatabase {
  readonly url: string;
  /** Loses what is not on disk, and is there again; undefined for those that are not ours to crash. */
  readonly crash?: () => Promise<void>;
  /** How many deadlocks it has had to end, as far as it remembers. */
  deadlocks(): Promise<number>;
  drop(): Promise<void>;
}

/** @param folder for a database that is a file */
export async function openDatabase(choice: DatabaseChoice, folder: string): Promise<CheckedDatabase> {
  if (choice.engine === "postgres") return inServer(choice.url);
  if (choice.engine === "data-api") return behindDataApi(await inServer(choice.url));
  if (choice.engine === "data-api over mysql") return behindDataApi(await inMysql(choice.url));
  if (choice.engine === "mysql") return inMysql(choice.url);
  if (choice.engine === "sqlite") {
    return { url: join(folder, "lake.sqlite"), deadlocks: async () => 0, drop: async () => undefined };
  }
  const server =
    choice.engine === "mysql that crashes" ? await startOwnMariadb() : await startOwnPostgres(choice.programs);
  return { url: server.url, crash: server.crash, deadlocks: async () => 0, drop: server.drop };
}

async function inServer(base: string): Promise<CheckedDatabase> {
  const name = `dl_isolation_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = openPostgres(base, { poolSize: 1 });
  await admin.define(`create database ${name}`);
  const url = new URL(base);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async deadlocks() {
      // A session hands in its statistics when it ends, a moment after its connection has.
      await pause(1500);
      const [row] = await admin.read(raw(`select deadlocks from pg_stat_database where datname = '${name}'`));
      return Number(row?.deadlocks);
    },
    async drop() {
      // PostgreSQL 12 has no `with (force)`. It waits for those that end.
      await admin.read(raw(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`));
      await admin.define(`drop database if exists ${name}`);
      await admin.close();
    },
  };
}

async function behindDataApi({ url, deadlocks, drop }: CheckedDatabase): Promise<CheckedDatabase> {
  const emulator = await startDataApi(url);
  process.env.AWS_ACCESS_KEY_ID ??= "test";
  process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  return {
    url: dataApiUrl(url, emulator.endpoint),
    deadlocks,
    async drop() {
      await emulator.close();
      await drop();
    },
  };
}

async function inMysql(base: string): Promise<CheckedDatabase> {
  const name = `dl_isolation_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = openMysql(base, { poolSize: 1 });
  await admin.define(`create database ${name}`);
  const url = new URL(base);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    // It counts those of the whole server, and ends them where its locks on rows and gaps meet: they are tried again, and no fault.
    deadlocks: async () => 0,
    async drop() {
      await admin.define(`drop database if exists ${name}`);
      await admin.close();
    },
  };
}
