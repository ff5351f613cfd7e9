/** A table of real direct writers comes and goes: followed, taken over, given back (docs/coming-and-going.md): `npm run test:gateway`. */

import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type LocalLake, openLocalLake } from "../../lib/lake/local.ts";
import { toLocation } from "../../lib/lake/location.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { ejectTable } from "../../lib/operations/eject.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { takeOverTable } from "../../lib/operations/takeover.ts";
import { append, makeTable } from "../support/direct-writer.ts";
import { actions, addOf } from "../support/lake.ts";
import { needs } from "../support/skip.ts";
import { type Engines, openEngines } from "./support/engines.ts";

const SUITE = "direct writers come and go";
const cache = process.env.INTEROP_CACHE;
const WRITERS = ["delta-rs append", "Polars append"] as const;
const READERS = ["delta-rs", "DuckDB"] as const;

describe(SUITE, needs(SUITE, cache, "no engines here: `npm run test:gateway` installs them"), () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-going-")));
  const table = join(folder, "orders");
  let lake: LocalLake;
  let engines: Engines;
  /** Rows that writers were told are there: each append is of one. */
  let rows = 0;
  before(async () => {
    lake = await openLocalLake({ database: join(folder, "catalog.sqlite") });
    await lake.catalog.migrate();
    engines = await openEngines(cache ?? "");
  });
  after(async () => {
    await engines?.close();
    await lake?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function makeFile(name: string): Promise<number> {
    const fields = [{ name: "id", type: "long", nullable: true, metadata: {} }];
    const [made] = await engines.make([{ path: join(table, name), fields, rows: [{ id: 1 }] }]);
    assert.ok(made);
    return made.size;
  }
  async function write(): Promise<void> {
    for (const writer of WRITERS) {
      assert.equal(await engines.write(writer, table), undefined, writer);
      rows += 1;
    }
  }
  async function check(tableId?: string): Promise<void> {
    for (const reader of READERS) {
      const read = await engines.read(reader, table);
      assert.ok("rows" in read, `${reader}: ${"refused" in read ? read.refused : ""}`);
      assert.equal(read.rows.length, rows, reader);
    }
    if (tableId === undefined) return;
    const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 60, maxDriftFiles: 0 });
    assert.equal(report.outcome, "ok", JSON.stringify(report));
  }

  test("delta-rs and Polars write on while it is followed, refuse it once it is taken over, and go on when it is given back", async () => {
    await makeTable(table);
    await append(table, "first.parquet", await makeFile("first.parquet"));
    rows += 1;
    const request = {
      name: "shop.orders",
      location: await toLocation(table),
      mode: "full-history",
      follow: true,
    } as const;
    const { tableId } = await importTable(lake, request);
    let writing = true;
    const writers = (async () => {
      while (writing) await write();
    })();
    for (let round = 0; round < 5; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal((await mirrorTable(lake, tableId)).error, undefined);
    }
    writing = false;
    await writers;
    const taken = await takeOverTable(lake, { tableId });
    assert.equal(taken.status, "taken");
    await check(tableId);
    for (const writer of WRITERS)
      assert.match((await engines.write(writer, table)) ?? "", /deltalakedb\.managed/, writer);
    const file = addOf("ours.parquet", { size: await makeFile("ours.parquet") });
    const part = { table: { tableId }, readVersion: taken.version, actions: actions(file), at: "/tables/0" };
    assert.equal((await commit(lake, { transactionId: crypto.randomUUID(), tables: [part] })).status, "committed");
    rows += 1;
    await mirrorTable(lake, tableId);
    await check(tableId);
    await ejectTable(lake, { tableId });
    await write();
    await check();
  });
});
