/** dl compact --plan: one JSON document, a line for each group, or a table; and nothing changes. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openMaintenance } from "../../lib/cli/serve/maintenance.ts";
import { DEFAULT_CONFIG } from "../../lib/default-config.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import type { Lake } from "../../lib/ports.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import type { Logger } from "../../lib/telemetry/log.ts";
import { addOf, commitTo, SCHEMA } from "../support/lake.ts";
import { putRows } from "../support/parquet-rows.ts";
import { dl, dlByItself, type Finished } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-compact-")));
after(() => rmSync(folder, { recursive: true }));
const database = join(folder, "lake.sqlite");
const run = (...args: string[]) => dl(args, { env: { DATABASE_URL: database } });

function ok(finished: Finished): string {
  assert.equal(finished.code, 0, finished.stderr);
  return finished.stdout;
}

async function made(lake: Lake, name: string, more: object = {}): Promise<string> {
  const { tableId } = await createTable(lake, {
    name,
    location: `file://${join(folder, name)}`,
    schema: SCHEMA,
    ...more,
  });
  return tableId;
}

before(async () => {
  ok(await run("migrate"));
  const lake = await openLocalLake({ database, verifyFiles: "off", mirror: false });
  const small = (path: string, day: string | null) =>
    addOf(path, { partitionValues: { day }, stats: '{"numRecords":4}' });
  const daily = await made(lake, "c.daily", { partitionColumns: ["day"] });
  await commitTo(lake, daily, 0, [
    small("a", "1"),
    small("b", "1"),
    small("c", null),
    small("d", null),
    small("e", "2"),
  ]);
  await made(lake, "c.empty");
  await lake.close();
});

/** Beside the tables of the plan, which name files that nobody has written. */
async function tablesWithRows(): Promise<void> {
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  const tableId = await made(lake, "c.rows");
  const store = openFileStore(join(folder, "c.rows"));
  const files = ["a", "b"].map((path) => putRows(store, path, `select 1::bigint as id, '${path}' as "day"`));
  await commitTo(lake, tableId, 0, await Promise.all(files));
  await made(lake, "c.widened", { configuration: { "delta.enableTypeWidening": "true" } });
  await lake.mirrored();
  await dropTable(lake, { name: "c.daily" });
  await lake.close();
}

test("JSON has the table, its version, and each group with its files", async () => {
  const { tables } = JSON.parse(ok(await run("compact", "--all", "--plan", "--format", "json")));
  assert.deepEqual(
    tables.map((plan: { table: string; version: number; groups: unknown[] }) => [
      plan.table,
      plan.version,
      plan.groups.length,
    ]),
    [
      ["c.daily", 1, 2],
      ["c.empty", 0, 0],
    ],
  );
  assert.deepEqual(tables[0].groups[0], {
    partitionValues: { day: "1" },
    bytes: 200,
    rows: 8,
    result: { bytes: 200, rows: 8 },
    files: [
      { path: "a", size: 100, rows: 4 },
      { path: "b", size: 100, rows: 4 },
    ],
  });
  const lines = ok(await run("compact", "c.daily", "--plan", "--format", "ndjson", "--partition", "day="))
    .trim()
    .split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).partitionValues),
    [{ day: null }],
  );
});

test("text sums up the partitions", async () => {
  const text = ok(await run("compact", "c.daily", "--plan"));
  assert.match(text, /^c\.daily at version 1: 5 files of 500 bytes in 3 partitions\n/);
  assert.match(text, /day=1 +2 +200 bytes +1 +200 bytes/);
  assert.match(text, /day=NULL +2/);
  assert.match(ok(await run("compact", "c.empty", "--plan")), /nothing is worth writing again/);
});

test("wrong usage and unknown partitions are named", async () => {
  assert.equal((await run("compact", "--plan")).code, 64);
  assert.equal((await run("compact", "c.daily", "--all", "--plan")).code, 64);
  const unknown = await run("compact", "c.daily", "--plan", "--partition", "month=1");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /"month" is no partition column of this table/);
});

test("tables with rows are made", tablesWithRows);

test("without its package it says what to do", async () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (name === "@duckdb/node-api") throw Object.assign(new Error("no such package"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    } });`;
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(hook)}`;
  const { code, stderr } = await dlByItself(["compact", "c.rows"], { env: { DATABASE_URL: database, NODE_OPTIONS } });
  assert.equal(code, 1);
  assert.match(stderr, /needs the package @duckdb\/node-api/);
  assert.match(stderr, /dl compact --plan/);
});

test("small files become one, table by table; what is left to engines is no failure", async () => {
  const { tables } = JSON.parse(ok(await run("compact", "--all", "--format", "json", "--max-bytes", "1000000")));
  const byName = new Map(tables.map((each: { table: string }) => [each.table, each]));
  assert.deepEqual([...byName.keys()], ["c.empty", "c.rows", "c.widened"]);
  const { removedFiles, addedFiles, versions } = byName.get("c.rows") as Record<string, unknown>;
  assert.deepEqual([removedFiles, addedFiles, versions], [2, 1, [2]]);
  assert.equal((byName.get("c.widened") as { code: string }).code, "REWRITE_REFUSED");
  assert.match(ok(await run("compact", "c.rows")), /c\.rows +nothing was worth writing again/);
  const refused = await run("compact", "c.widened");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /has the feature typeWidening, which this writer does not know how to keep/);
  assert.equal((await run("compact", "c.rows", "--format", "ndjson")).code, 64);
});

test("the schedule of a server compacts what its policy names, and says so", async () => {
  const shown = ok(await run("policy", "set", "c.rows", "--compact", "on"));
  assert.match(shown, /compact +on\n/);
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  const store = openFileStore(join(folder, "c.rows"));
  const state = await lake.catalog.findTable({ name: "c.rows" });
  assert.ok(state);
  const files = ["x", "y"].map((path) => putRows(store, path, `select 2::bigint as id, '${path}' as "day"`));
  await commitTo(lake, state.tableId, state.version, await Promise.all(files));
  const said: string[] = [];
  const say = (_fields: object, text: string) => void said.push(text);
  const upkeep = openMaintenance(lake, DEFAULT_CONFIG, { info: say, error: say } as unknown as Logger);
  await upkeep.run();
  assert.deepEqual(said, ["c.rows has been tidied up"]);
  assert.equal((await lake.catalog.findTable({ name: "c.rows" }))?.numFiles, 1);
  await lake.close();
  assert.match(ok(await run("policy", "show", "c.rows")), /compact +on; last \d{4}-/);
});
