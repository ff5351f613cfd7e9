/**
 * The commands of docs/recovery.md, run as they stand against a lake that has just lost what their heading says: on SQLite, and with
 * TEST_ENGINE=data-api on PostgreSQL behind an emulator of the Data API, as on AWS.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { openCatalog } from "../../lib/catalog/open.ts";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { openBackups } from "../../lib/lake/backups.ts";
import { systemClock } from "../../lib/lake/clock.ts";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { findDataApi, SQLITE_ENGINE, type TestDatabase } from "../support/catalog-engines.ts";
import { all, livePaths } from "../support/catalog-plans.ts";
import { addOf, commitTo, removeOf, request, SCHEMA } from "../support/lake.ts";
import { ROOT, readText } from "../support/source-tree.ts";
import { assertTheorem } from "../support/theorem.ts";

const DOCUMENT = "docs/recovery.md";
const blocks = [...readText(DOCUMENT).matchAll(/^ *```sh (\S+)\n([\s\S]*?)^ *```/gm)].map(
  ([, name = "", text = ""]) => ({
    name,
    text,
  }),
);
const root = realpathSync(mkdtempSync(join(tmpdir(), "dl-recovery-")));
const engine =
  process.env.TEST_ENGINE === "data-api"
    ? (findDataApi() ?? assert.fail("TEST_POSTGRES_URL is not set"))
    : SQLITE_ENGINE;
const made = new Map<string, TestDatabase>();
after(async () => {
  for (const database of made.values()) await database.drop();
  rmSync(root, { recursive: true });
});
const rehearsed = new Set<string>();

/** All blocks of this name, in order, in one shell that ends at the first command that fails; `npx dl` is this `dl`. */
async function run(name: string, environment: Readonly<Record<string, string>>, expected = 0): Promise<string> {
  rehearsed.add(name);
  const script = blocks.filter((block) => block.name === name).map(({ text }) => text);
  assert.ok(script.length > 0, name);
  const npx = `npx() { shift; "${process.execPath}" lib/cli/main.ts "$@"; }`;
  const { DATABASE_URL: _, NODE_OPTIONS: __, ...clean } = process.env;
  const shell = spawn("bash", ["-c", ["set -eu -o pipefail", npx, ...script].join("\n")], {
    cwd: ROOT,
    env: { ...clean, ...environment, VERIFY_FILES: "false" },
  });
  let output = "";
  for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [code] = await once(shell, "close");
  assert.equal(code, expected, output);
  return output;
}

/** A URL; nothing is in it yet. */
async function newDatabase(): Promise<string> {
  const database = await engine.create();
  made.set(database.url, database);
  return database.url;
}

async function lose(url: string): Promise<void> {
  await made.get(url)?.drop();
  made.delete(url);
}

interface Stage {
  readonly database: string;
  readonly backups: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly backupId: string;
  /** Sent after the backup was made, and acknowledged. */
  readonly last: CommitRequest;
  readonly tableIds: readonly string[];
  place(name: string): string;
}

const NAMES = ["shop.orders", "shop.lines"];

/** Two tables with a backup, and a transaction over both that came after it. All is published, and nobody is at work. */
async function stage(name: string): Promise<Stage> {
  const folder = join(root, name);
  mkdirSync(folder);
  const database = await newDatabase();
  const backups = join(folder, "backups");
  const place = (table: string) => join(folder, "tables", table);
  const empty = await openCatalog(database, systemClock, { schema: "leave" });
  await empty.migrate();
  await empty.close();
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  const tableIds: string[] = [];
  for (const table of NAMES) {
    const location = pathToFileURL(place(table)).href;
    const { tableId } = await createTable(lake, { name: table, location, schema: SCHEMA });
    await commitTo(lake, tableId, 0, [addOf("first")]);
    for (const file of ["first", "second"]) writeFileSync(join(place(table), file), new Uint8Array(100));
    tableIds.push(tableId);
  }
  await lake.mirrored();
  const { backupId } = await backupCatalog(lake, await openBackups(backups));
  const last = request(...tableIds.map((tableId) => ({ tableId, readVersion: 1, actions: [addOf("second")] })));
  assert.equal((await commit(lake, last)).status, "committed");
  await lake.mirrored();
  await lake.close();
  const environment = { DATABASE_URL: database, BACKUPS: backups };
  return { database, backups, environment, backupId, last, tableIds, place };
}

async function withLake<T>(database: string, work: (lake: LocalLake) => Promise<T>): Promise<T> {
  const lake = await openLocalLake({ database, verifyFiles: "off", missing: "refuse" });
  return work(lake).finally(() => lake.close());
}

/** Both tables are at this version, in SQL and in the log, and the last request is known. */
async function assertWhole(database: string, { tableIds, last }: Stage, version = 2): Promise<void> {
  await withLake(database, async (lake) => {
    for (const tableId of tableIds) assert.equal(await assertTheorem(lake, tableId), version);
    const again = await commit(lake, last);
    assert.ok(again.status === "committed" && again.replayed, "an acknowledged request gets its first answer");
  });
}

describe("recovery", { concurrency: 2 }, () => {
  test("the database is lost: a backup, and what came later from the logs", async () => {
    const lost = await stage("database");
    await lose(lost.database);
    const fresh = await newDatabase();
    const output = await run("database", { ...lost.environment, NEW_DATABASE_URL: fresh });
    assert.ok(output.includes(lost.backupId));
    await assertWhole(fresh, lost);
  });

  test("logs are lost: SQL writes them again, with what was committed meanwhile", async () => {
    const lost = await stage("logs");
    for (const name of NAMES) rmSync(join(lost.place(name), "_delta_log"), { recursive: true });
    await withLake(lost.database, async (lake) => {
      for (const tableId of lost.tableIds) await commitTo(lake, tableId, 2, [addOf("third")]);
    });
    await run("logs", lost.environment);
    await assertWhole(lost.database, lost, 3);
  });

  test("the bucket is lost: data from a copy, logs from SQL, there or elsewhere", async () => {
    const lost = await stage("bucket");
    const logs = (folder: string) => readFileSync(join(folder, "_delta_log", "00000000000000000002.json"));
    const before = logs(lost.place("shop.orders"));
    const tables = join(root, "bucket", "tables");
    const copy = join(root, "bucket", "copy");
    cpSync(tables, copy, { recursive: true, filter: (from) => !from.endsWith("_delta_log") });
    rmSync(tables, { recursive: true });
    cpSync(copy, tables, { recursive: true });
    await run("bucket", lost.environment);
    await assertWhole(lost.database, lost);
    const elsewhere = join(root, "bucket", "elsewhere");
    await run("elsewhere", { ...lost.environment, NEW_STORAGE: elsewhere });
    assert.deepEqual(logs(join(elsewhere, "shop/orders")), before, "byte by byte");
    assert.ok(existsSync(join(elsewhere, "shop/lines/_delta_log")));
  });

  test("one table is damaged: its log is repaired; a copy of the catalog beside tells what it was", async () => {
    const lost = await stage("table");
    rmSync(join(lost.place("shop.orders"), "_delta_log", "00000000000000000001.json"));
    assert.match(await run("table", lost.environment), /1 version put back \(1\)/);
    await assertWhole(lost.database, lost);
    const copy = await newDatabase();
    await run("beside", { ...lost.environment, COPY_DATABASE_URL: copy });
    const head = await withLake(copy, (lake) => lake.catalog.findTable({ name: "shop.orders" }));
    assert.equal(head?.version, 1, "as of the backup");
  });

  test("a mistake: a dropped table comes back, and so do rows that were overwritten", async () => {
    const lost = await stage("mistake");
    await withLake(lost.database, (lake) => dropTable(lake, { name: "shop.orders" }));
    await run("drop", lost.environment);
    await assertWhole(lost.database, lost);
    const [orders = ""] = lost.tableIds;
    await withLake(lost.database, async (lake) => {
      await commitTo(lake, orders, 2, [removeOf("first"), removeOf("second"), addOf("wrong")]);
    });
    await run("overwrite", { ...lost.environment, LAST_GOOD_VERSION: "2" });
    await withLake(lost.database, async (lake) => {
      assert.deepEqual(await livePaths(lake.catalog, orders, 4), ["first", "second"]);
      assert.deepEqual(await livePaths(lake.catalog, orders, 3), ["wrong"], "and nothing is lost");
      assert.equal(await assertTheorem(lake, orders), 4);
    });
  });

  test("the database and all backups are lost: the logs make the catalog again", async () => {
    const lost = await stage("rebuild");
    await lose(lost.database);
    rmSync(lost.backups, { recursive: true });
    const fresh = await newDatabase();
    await run("rebuild", { STORAGE: join(root, "rebuild", "tables"), NEW_DATABASE_URL: fresh });
    const found = await withLake(fresh, (lake) =>
      lake.catalog.readStates(lost.tableIds.map((tableId) => ({ tableId }))),
    );
    assert.deepEqual(found.map(({ name, version }) => [name, version]).sort(), NAMES.map((name) => [name, 2]).sort());
    const again = await withLake(fresh, (lake) => commit(lake, lost.last));
    assert.ok(again.status === "committed" && again.replayed);
  });

  test("ransom: a good backup is found, verified and restored; what came later is set aside", async () => {
    const lost = await stage("ransom");
    await lose(lost.database);
    const fresh = await newDatabase();
    await run("ransom", { ...lost.environment, GOOD_BACKUP: lost.backupId, NEW_DATABASE_URL: fresh });
    const names = await withLake(fresh, async (lake) =>
      (await all((page) => lake.catalog.listTables({ limit: 9, ...page }))).map(({ name }) => name),
    );
    assert.deepEqual(names.sort(), NAMES.toSorted());
    await withLake(fresh, async (lake) => {
      for (const tableId of lost.tableIds) {
        assert.equal(await assertTheorem(lake, tableId), 1, "as of the backup, and so is the log");
        assert.equal(await commitTo(lake, tableId, 1, [addOf("after")]), 2, "and commits go on");
      }
    });
    assert.ok(readdirSync(lost.backups).length > 0);
  });
});

test("every block is rehearsed, or checked as a command of AWS", () => {
  const names = new Set(blocks.map(({ name }) => name));
  const elsewhere = ["settings", "aws"];
  assert.deepEqual(
    [...names].filter((name) => !rehearsed.has(name) && !elsewhere.includes(name)),
    [],
  );
  const fences = [...readText(DOCUMENT).matchAll(/^ *```\S/gm)].length;
  assert.equal(blocks.length, fences, "each block has a name");
  for (const { name, text } of blocks) if (name === "aws") assert.doesNotMatch(text, /npx dl/);
});
