/** One lake, and what each function of a deployment sees of it: by a login of its own, with the rights of lib/lake/duties.ts. */

import assert from "node:assert/strict";
import { type Database, raw } from "../../lib/catalog/database.ts";
import { openDataApi } from "../../lib/catalog/engines/data-api/driver.ts";
import { openMysql } from "../../lib/catalog/engines/mysql/driver.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { DUTIES, type DutyName } from "../../lib/lake/duties.ts";
import type { DatabaseLogin, FunctionLogin, SqlRights } from "../../lib/ports.ts";
import { createDataApi, mysqlEngine, postgresEngine, type TestEngine } from "./catalog-engines.ts";
import { openTestLake, type TestLake } from "./lake.ts";
import { mysqlUrl, postgresUrl } from "./skip.ts";
import { watched } from "./store-rights.ts";

export const DUTY_NAMES = Object.keys(DUTIES) as DutyName[];
/** What a server answers to who may not do something. */
export const FORBIDDEN = /permission denied|must be owner|command denied|Access denied|DATABASE_FORBIDDEN/;

/** A server that has logins. */
export interface LoginEngine {
  readonly name: string;
  /** undefined where there is none to test on. */
  readonly engine: TestEngine | undefined;
  readonly missing: string;
  /** The URL of a catalog for another login. */
  urlFor(url: string, login: DatabaseLogin): string;
  /** Statements as they are. */
  open(url: string): Database;
  dropLogins(names: readonly string[]): Promise<void>;
  /** The name of the schema that a session works in. */
  readonly schema: string;
  /** Whether the session may more than its rights to tables say: one row `mighty`. */
  readonly mighty: string;
  /** What a login may do beside its duty, so that it can lock. */
  locking(rights: SqlRights): SqlRights;
}

function withUser(url: string, { name, password }: DatabaseLogin): string {
  const other = new URL(url);
  other.username = encodeURIComponent(name);
  other.password = encodeURIComponent(password);
  return other.href;
}

const ON_MYSQL = {
  missing: "TEST_MYSQL_URL is not set",
  async dropLogins(names: readonly string[]) {
    const admin = openMysql(mysqlUrl ?? "", { poolSize: 1 });
    for (const name of names) await admin.define(`drop user if exists '${name}'@'%'`);
    await admin.close();
  },
  schema: "database()",
  mighty: "select count(*) > 0 as mighty from information_schema.user_privileges where privilege_type <> 'USAGE'",
};

export function onPostgres(): LoginEngine {
  return {
    name: "PostgreSQL",
    engine: postgresUrl === undefined ? undefined : postgresEngine(postgresUrl),
    missing: "TEST_POSTGRES_URL is not set",
    urlFor: withUser,
    open: (url) => openPostgres(url, { poolSize: 1 }),
    async dropLogins(names) {
      const admin = openPostgres(postgresUrl ?? "", { poolSize: 1 });
      for (const name of names) await admin.define(`drop role if exists "${name}"`);
      await admin.close();
    },
    schema: "current_schema()",
    mighty: "select rolsuper or rolcreaterole or rolcreatedb as mighty from pg_roles where rolname = current_user",
    locking: () => ({}),
  };
}

export function onMysql(): LoginEngine {
  return {
    ...ON_MYSQL,
    name: "MySQL",
    engine: mysqlUrl === undefined ? undefined : mysqlEngine(mysqlUrl),
    urlFor: withUser,
    open: (url) => openMysql(url, { poolSize: 1 }),
    locking: () => ({}),
  };
}

/** Its emulator knows logins by the ARNs of their secrets, as AWS does. */
export function onAuroraMysql(): LoginEngine {
  const logins = new Map<string, { readonly user: string; readonly password: string }>();
  return {
    ...ON_MYSQL,
    name: "Aurora MySQL",
    engine:
      mysqlUrl === undefined
        ? undefined
        : { name: "data-api-mysql", create: () => createDataApi(mysqlUrl ?? "", { logins }) },
    urlFor(url, { name, password }) {
      const secret = `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`;
      logins.set(secret, { user: name, password });
      return url.replace(/secret=[^&]+/, `secret=${encodeURIComponent(secret)}`);
    },
    open: openDataApi,
    locking: (rights) =>
      Object.values(rights).some((some) => some.some((right) => right !== "select"))
        ? { dl_slots: ["select", "update"] }
        : {},
  };
}

export interface LoginLakes {
  /** As the owner of the tables. */
  readonly lake: TestLake;
  /** What each has asked the store for: action and kind of object. */
  readonly usedBy: ReadonlyMap<DutyName, Set<string>>;
  loginOf(name: DutyName): FunctionLogin;
  urlOf(name: DutyName): string;
  /** The lake as a function sees it. */
  as(name: DutyName): TestLake;
  /** Tables that there are, each with the name of its first column. */
  tables(): Promise<readonly { readonly table: string; readonly column: string }[]>;
  close(): Promise<void>;
}

export async function openLoginLakes(on: LoginEngine): Promise<LoginLakes> {
  const suffix = crypto.randomUUID().slice(0, 8);
  const lake = await openTestLake(on.engine);
  const loginOf = (name: DutyName) => ({
    name: `${DUTIES[name].login}_${suffix}`,
    password: `p"w' of ${name}`,
    rights: DUTIES[name].sql,
  });
  const logins = DUTY_NAMES.map(loginOf);
  await lake.catalog.migrate({ functions: logins });
  const lakes = new Map<DutyName, TestLake>();
  const usedBy = new Map<DutyName, Set<string>>();
  const urlOf = (name: DutyName) => on.urlFor(lake.url, loginOf(name));
  for (const name of DUTY_NAMES) {
    const catalog = await openCatalog(urlOf(name), lake.clock);
    const used = new Set<string>();
    usedBy.set(name, used);
    lakes.set(name, lake.with({ catalog, store: (store) => watched(store, used) }));
  }
  return {
    lake,
    usedBy,
    loginOf,
    urlOf,
    as: (name) => lakes.get(name) ?? assert.fail(name),
    async tables() {
      const owner = on.open(lake.url);
      const rows = await owner.read(
        raw(`select table_name as name, column_name as first from information_schema.columns
          where table_schema = ${on.schema} and ordinal_position = 1`),
      );
      await owner.close();
      return rows.map((row) => ({ table: String(row.name), column: String(row.first) }));
    },
    async close() {
      for (const { catalog } of lakes.values()) await catalog.close();
      await lake.close();
      await on.dropLogins(logins.map(({ name }) => name));
    },
  };
}
