/** The engines that catalog tests run on: SQLite always, PostgreSQL and the Data API over it when TEST_POSTGRES_URL names a database. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { type DataApiEmulator, type EmulatorOptions, startDataApi } from "./data-api/emulator.ts";
import { mysqlUrl, needs, postgresUrl } from "./skip.ts";

export interface TestDatabase {
  /** A catalog URL; nothing is in it yet. */
  readonly url: string;
  drop(): Promise<void>;
}

export interface TestEngine {
  readonly name: "sqlite" | "postgres" | "data-api" | "mysql" | "data-api-mysql";
  create(): Promise<TestDatabase>;
}

export const SQLITE_ENGINE: TestEngine = {
  name: "sqlite",
  async create() {
    const folder = mkdtempSync(join(tmpdir(), "dl-catalog-"));
    return {
      url: join(folder, "catalog.sqlite"),
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

/** A schema of its own in the given database. */
export function postgresEngine(base: string): TestEngine {
  return {
    name: "postgres",
    async create() {
      const schema = `dl_test_${crypto.randomUUID().replaceAll("-", "")}`;
      const admin = openPostgres(base, { poolSize: 1 });
      await admin.define(`create schema ${schema}`);
      const url = new URL(base);
      url.searchParams.set("options", `-csearch_path=${schema}`);
      return {
        url: url.href,
        async drop() {
          await admin.define(`drop schema ${schema} cascade`);
          await admin.close();
        },
      };
    },
  };
}

/** A database of its own on the server. */
export function mysqlEngine(base: string): TestEngine {
  return {
    name: "mysql",
    async create() {
      const name = `dl_test_${crypto.randomUUID().replaceAll("-", "")}`;
      const admin = openMysql(base, { poolSize: 1 });
      await admin.define(`create database ${name}`);
      const url = new URL(base);
      url.pathname = name;
      return {
        url: url.href,
        async drop() {
          await admin.define(`drop database ${name}`);
          await admin.close();
        },
      };
    },
  };
}

/** undefined when no MySQL is there to test on. */
export function findMysql(): TestEngine | undefined {
  return mysqlUrl === undefined ? undefined : mysqlEngine(mysqlUrl);
}

/** A schema or database of its own, behind an emulator of its own. */
export function dataApiEngine(base: string): TestEngine {
  return { name: base.startsWith("mysql") ? "data-api-mysql" : "data-api", create: () => createDataApi(base) };
}

export interface DataApiDatabase extends TestDatabase {
  readonly emulator: DataApiEmulator;
}

/** The server behind the Data API in suites that run on one: with TEST_ENGINE=data-api-mysql MySQL's; undefined where it is not there. */
export const dataApiServer: string | undefined = process.env.TEST_ENGINE === "data-api-mysql" ? mysqlUrl : postgresUrl;
export const NO_DATA_API_SERVER = "TEST_POSTGRES_URL is not set, or TEST_MYSQL_URL with TEST_ENGINE=data-api-mysql";

export async function createDataApi(base: string, options: EmulatorOptions = {}): Promise<DataApiDatabase> {
  const engine = base.startsWith("mysql") ? mysqlEngine(base) : postgresEngine(base);
  const database = await engine.create();
  const emulator = await startDataApi(database.url, options);
  // The emulator asks for a signature, whoever signs.
  process.env.AWS_ACCESS_KEY_ID ??= "test";
  process.env.AWS_SECRET_ACCESS_KEY ??= "test";
  return {
    url: dataApiUrl(engine.name === "mysql" ? database.url : base, emulator.endpoint),
    emulator,
    async drop() {
      await emulator.close();
      await database.drop();
    },
  };
}

/** A catalog URL for an emulator. */
export function dataApiUrl(base: string, endpoint: string): string {
  const query = new URLSearchParams({
    secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lake-AbCdEf",
    database: decodeURIComponent(new URL(base).pathname.slice(1)) || "postgres",
    endpoint,
    ...(base.startsWith("mysql") ? { engine: "mysql" } : {}),
  });
  return `rds-data://arn:aws:rds:eu-west-1:123456789012:cluster:lake?${query}`;
}

/** undefined when no PostgreSQL is there to test on. */
export function findPostgres(): TestEngine | undefined {
  return postgresUrl === undefined ? undefined : postgresEngine(postgresUrl);
}

/** undefined when no PostgreSQL is there to emulate the Data API over. */
export function findDataApi(): TestEngine | undefined {
  return postgresUrl === undefined ? undefined : dataApiEngine(postgresUrl);
}

/** undefined when no MySQL is there to emulate the Data API over. */
export function findDataApiMysql(): TestEngine | undefined {
  return mysqlUrl === undefined ? undefined : dataApiEngine(mysqlUrl);
}

/** Says when PostgreSQL is missing. With TEST_ENGINE that engine alone. */
export function testEngines(): readonly TestEngine[] {
  if (process.env.TEST_ENGINE === "mysql") return [findMysql()].filter((engine) => engine !== undefined);
  if (process.env.TEST_ENGINE === "data-api-mysql") {
    return [findDataApiMysql()].filter((engine) => engine !== undefined);
  }
  const postgres = findPostgres();
  needs("catalog on PostgreSQL", postgres, "TEST_POSTGRES_URL is not set");
  return [SQLITE_ENGINE, postgres, findDataApi()].filter((engine) => engine !== undefined);
}
