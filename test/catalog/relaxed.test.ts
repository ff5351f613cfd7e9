/** Transactions whose commit need not wait for the disk: those of imports alone, and none after them. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Database, type Sql, sql, type TransactionOptions } from "../../lib/catalog/database.ts";
import { openPostgres } from "../../lib/catalog/engines/postgres/driver.ts";
import { openSqlite } from "../../lib/catalog/engines/sqlite/driver.ts";
import { needs, postgresUrl } from "../support/skip.ts";

/** What the engine says of its waiting, within transactions of either kind, in turn. */
async function settings(db: Database, ask: Sql): Promise<readonly unknown[]> {
  const within = (options?: TransactionOptions) =>
    db.transaction(async (tx) => Object.values((await tx.read(ask))[0] ?? {})[0], options);
  const failing = db.transaction(() => Promise.reject(new Error("no")), { relaxed: true });
  await assert.rejects(failing, /no/);
  return [await within(), await within({ relaxed: true }), await within(), await within({ long: true })];
}

test("SQLite waits for the disk again after a relaxed transaction, and after one that failed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dl-relaxed-"));
  const db = openSqlite(join(folder, "lake.sqlite"));
  const [normal, full] = [1, 2];
  assert.deepEqual(await settings(db, sql`pragma synchronous`), [full, normal, full, full]);
  await db.close();
  rmSync(folder, { recursive: true });
});

describe("PostgreSQL", needs("relaxed commits of PostgreSQL", postgresUrl, "TEST_POSTGRES_URL is not set"), () => {
  test("a relaxed transaction alone does not wait for the disk", async () => {
    const db = openPostgres(postgresUrl ?? "", { poolSize: 1 });
    assert.deepEqual(await settings(db, sql`select current_setting('synchronous_commit')`), ["on", "off", "on", "on"]);
    await db.close();
  });
});
