/** dl compact --plan: one JSON document, a line for each group, or a table; and nothing changes. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { addOf, commitTo, newTable } from "../support/lake.ts";
import { dl, type Finished } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-compact-")));
after(() => rmSync(folder, { recursive: true }));
const database = join(folder, "lake.sqlite");
const run = (...args: string[]) => dl(args, { env: { DATABASE_URL: database } });

function ok(finished: Finished): string {
  assert.equal(finished.code, 0, finished.stderr);
  return finished.stdout;
}

before(async () => {
  ok(await run("migrate"));
  const lake = await openLocalLake({ database, verifyFiles: "off", mirror: false });
  const small = (path: string, day: string | null) =>
    addOf(path, { partitionValues: { day }, stats: '{"numRecords":4}' });
  const daily = await newTable(lake, "c.daily", { partitionColumns: ["day"] });
  await commitTo(lake, daily, 0, [
    small("a", "1"),
    small("b", "1"),
    small("c", null),
    small("d", null),
    small("e", "2"),
  ]);
  await newTable(lake, "c.empty");
  await lake.close();
});

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
