/** Databases that can be copied while they are in use, for tests that lose what came after the copy. On SQLite and PostgreSQL. */

import { cpSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { sql } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import type { Catalog } from "../../lib/ports.ts";
import { findPostgres, SQLITE_ENGINE, type TestDatabase, type TestEngine } from "./catalog-engines.ts";
import { openTestLake, type TestLake } from "./lake.ts";
import { postgresUrl } from "./skip.ts";

export interface LossyLake extends TestLake {
  /** A copy of the database as it is now. */
  backup(): Promise<TestDatabase>;
  /** A copy of a copy. */
  copyOf(copy: TestDatabase): Promise<TestDatabase>;
  /** The same lake, in another process, whose database is a copy that was made earlier. */
  onCopy(copy: TestDatabase): Promise<TestLake & { close(): Promise<void> }>;
}

/** Logs stay in memory; with TEST_ENGINE=postgres the database is a schema of TEST_POSTGRES_URL. */
export async function openLossyLake(): Promise<LossyLake> {
  const isPostgres = process.env.TEST_ENGINE === "postgres";
  const engine = isPostgres ? findPostgres() : SQLITE_ENGINE;
  if (engine === undefined) throw new Error("TEST_POSTGRES_URL is not set");
  let own: TestDatabase | undefined;
  const watched: TestEngine = {
    name: engine.name,
    async create() {
      own = await engine.create();
      return own;
    },
  };
  const lake = await openTestLake(watched);
  const onCopy = async (copy: TestDatabase) => {
    const catalog: Catalog = await openCatalog(copy.url, lake.clock);
    return {
      ...lake.with({ catalog }),
      async close() {
        await catalog.close();
        await copy.drop();
      },
    };
  };
  const copyOf = async (from: TestDatabase): Promise<TestDatabase> => {
    const copy = await engine.create();
    await (isPostgres ? copySchema(from.url, copy.url, lake) : copyFile(from.url, copy.url));
    return copy;
  };
  const backup = async (): Promise<TestDatabase> => {
    if (own === undefined) throw new Error("no database was made");
    return copyOf(own);
  };
  return { ...lake, backup, copyOf, onCopy };
}

function copyFile(from: string, to: string): void {
  const source = new DatabaseSync(from);
  rmSync(to, { force: true });
  source.exec(`vacuum into '${to}.new'`);
  source.close();
  cpSync(`${to}.new`, to);
}

async function copySchema(from: string, to: string, lake: TestLake): Promise<void> {
  const catalog = await openCatalog(to, lake.clock);
  await catalog.migrate();
  await catalog.close();
  const admin = openPostgres(postgresUrl ?? "", { poolSize: 1 });
  const [source, target] = [schemaOf(from), schemaOf(to)];
  const tables = await admin.read(sql`select tablename from pg_tables where schemaname = ${source} order by 1`);
  // All at once, as of one moment.
  const copies = tables.map(
    ({ tablename }) =>
      `truncate ${target}.${tablename}; insert into ${target}.${tablename} select * from ${source}.${tablename};`,
  );
  await admin.define(`begin isolation level repeatable read; ${copies.join(" ")} commit`);
  await admin.close();
}

function schemaOf(url: string): string {
  return new URL(url).searchParams.get("options")?.replace("-csearch_path=", "") ?? "public";
}
