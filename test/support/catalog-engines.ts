/** The engines that catalog tests run on: SQLite always, PostgreSQL when TEST_POSTGRES_URL names a database. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { raw } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/dialects/postgres-database.ts";
import { startDataApi } from "./data-api/emulator.ts";
import { needs, postgresUrl } from "./skip.ts";

export interface TestDatabase {
  /** A catalog URL; nothing is in it yet. */
  readonly url: string;
  drop(): Promise<void>;
}

export interface TestEngine {
  readonly name: "sqlite" | "postgres" | "data-api";
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
      await admin.all(raw(`create schema ${schema}`));
      const url = new URL(base);
      url.searchParams.set("options", `-csearch_path=${schema}`);
      return {
        url: url.href,
        async drop() {
          await admin.all(raw(`drop schema ${schema} cascade`));
          await admin.close();
        },
      };
    },
  };
}

/** The Data API, emulated over a schema of its own in the given database. */
export function dataApiEngine(base: string): TestEngine {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  const postgres = postgresEngine(base);
  return {
    name: "data-api",
    async create() {
      const { url, drop } = await postgres.create();
      const emulator = await startDataApi(url);
      return {
        url: dataApiUrl(emulator.url),
        async drop() {
          await emulator.close();
          await drop();
        },
      };
    },
  };
}

/** The URL of a catalog behind an emulator. */
export function dataApiUrl(endpoint: string): string {
  const secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:test";
  return `rds-data://arn:aws:rds:us-east-1:000000000000:cluster:test?secret=${secret}&database=test&endpoint=${endpoint}`;
}

/** undefined when no PostgreSQL is there to test on. */
export function findPostgres(): TestEngine | undefined {
  return postgresUrl === undefined ? undefined : postgresEngine(postgresUrl);
}

/** Says aloud when PostgreSQL is missing. */
export function testEngines(): readonly TestEngine[] {
  const postgres = findPostgres();
  needs("catalog on PostgreSQL", postgres, "TEST_POSTGRES_URL is not set");
  return postgres && postgresUrl ? [SQLITE_ENGINE, postgres, dataApiEngine(postgresUrl)] : [SQLITE_ENGINE];
}
