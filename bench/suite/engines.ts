/** The databases that a run has: a file, and a server where one was given. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { type Floor, postgresFloor, sqliteFloor } from "./floor.ts";
import type { Context } from "./model.ts";

export interface Engine {
  readonly name: "SQLite" | "PostgreSQL";
  /** A new, empty database and a folder for tables. */
  database(): Promise<{ readonly database: string; readonly folder: string }>;
  floor(): Promise<Floor>;
}

const CONNECTIONS = 32;

/** What was made on a server is gone once the next engine, or the end, is asked for. */
export async function* enginesOf({ folder, postgres }: Context): AsyncGenerator<Engine> {
  let made = 0;
  const nextFolder = async (): Promise<string> => {
    const next = join(folder, `d${Date.now()}-${made++}`);
    await mkdir(next, { recursive: true });
    return next;
  };
  yield {
    name: "SQLite",
    async database() {
      const own = await nextFolder();
      return { database: join(own, "lake.sqlite"), folder: own };
    },
    async floor() {
      return sqliteFloor(join(await nextFolder(), "floor.sqlite"));
    },
  };
  if (postgres === undefined) return;
  const admin = new pg.Client({ connectionString: postgres });
  await admin.connect();
  const names: string[] = [];
  const newDatabase = async (): Promise<string> => {
    const name = `dl_bench_${Date.now()}_${names.length}`;
    names.push(name);
    await admin.query(`create database ${name}`);
    const url = new URL(postgres);
    url.pathname = `/${name}`;
    return url.href;
  };
  try {
    yield {
      name: "PostgreSQL",
      database: async () => ({ database: await newDatabase(), folder: await nextFolder() }),
      floor: async () => postgresFloor(await newDatabase(), CONNECTIONS),
    };
  } finally {
    for (const name of names) await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
  }
}
