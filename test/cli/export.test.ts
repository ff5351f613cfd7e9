/** dl export --all: the log of every table, each in a folder named after it, byte by byte as it was. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { addOf, commitTo, SCHEMA } from "../support/lake.ts";
import { dl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-export-")));
after(() => rmSync(folder, { recursive: true }));
const database = join(folder, "lake.sqlite");
const run = (...args: string[]) => dl(["export", ...args], { env: { DATABASE_URL: database } });

test("all logs are written, and a repeat finds them as they are", async () => {
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  const names = ["sales.orders", "sales.lines", "_hidden.table"];
  for (const name of names) {
    const { tableId } = await createTable(lake, { name, location: `file://${join(folder, name)}`, schema: SCHEMA });
    await commitTo(lake, tableId, 0, [addOf("a")]);
  }
  await lake.mirrored();
  await lake.close();
  const to = join(folder, "exported");
  for (const time of ["first", "again"]) {
    const { code, stdout, stderr } = await run("--all", "--to", to, "--format", "json");
    assert.equal(code, 0, `${time}: ${stderr}`);
    const { tables } = JSON.parse(stdout) as { tables: { table: string; toVersion: number }[] };
    assert.deepEqual(tables.map((each) => [each.table, each.toVersion]).sort(), names.map((name) => [name, 1]).sort());
  }
  assert.deepEqual(readdirSync(to).sort(), ["!_hidden", "sales"], "no reader passes a folder over");
  const file = "_delta_log/00000000000000000001.json";
  assert.deepEqual(readFileSync(join(to, "sales/orders", file)), readFileSync(join(folder, "sales.orders", file)));
  assert.equal((await run("--all", "--table", "sales.orders", "--to", to)).code, 64);
});
