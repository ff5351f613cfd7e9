/** A catalog is lost, and made again from its logs: what was acknowledged and mirrored is there, under its ids and names. */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { isLakeError } from "../../lib/errors.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { renameTable } from "../../lib/operations/rename-table.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import type { Catalog, Lake } from "../../lib/ports.ts";
import { testEngines } from "../support/catalog-engines.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { addOf, request, SCHEMA, STRIDE } from "../support/lake.ts";
import { assertHistory } from "../support/theorem.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-rebuild-")));
after(() => rmSync(folder, { recursive: true }));
const root = `file://${folder}/lake`;

interface Lost {
  readonly catalogId: string;
  readonly sent: readonly CommitRequest[];
  readonly answers: readonly unknown[];
  readonly heads: ReadonlyMap<string, { name: string; version: number }>;
  readonly dropped: string;
}

/** Tables with a life behind them, of one catalog, all mirrored. */
async function liveAndLose(): Promise<Lost> {
  const lake = await openLocalLake({ database: join(folder, "lost.sqlite"), verifyFiles: "off" });
  await lake.catalog.migrate();
  const ids: string[] = [];
  for (const name of ["sales.orders", "sales.items", "deep.place", "old.dropped"]) {
    const location = name === "deep.place" ? `${root}/a/b/c/d` : `${root}/${name.replace(".", "/")}`;
    ids.push((await createTable(lake, { name, location, schema: SCHEMA })).tableId);
  }
  const [orders = "", items = "", deep = "", dropped = ""] = ids;
  const sent: CommitRequest[] = [];
  const answers: unknown[] = [];
  for (let v = 0; v < 12; v += 1) {
    sent.push(
      request(
        { tableId: orders, readVersion: v, actions: [addOf(`o${v}`)] },
        { tableId: v % 2 ? items : deep, readVersion: Math.floor(v / 2), actions: [addOf(`x${v}`)] },
      ),
    );
    const result = await commit(lake, sent.at(-1) as CommitRequest);
    assert.equal(result.status, "committed");
    answers.push(plain(result));
  }
  await commit(lake, request({ tableId: dropped, readVersion: 0, actions: [addOf("d")] }));
  await renameTable(lake, { tableId: items }, "sales.lines");
  await dropTable(lake, { tableId: dropped });
  // A table that took over the log of another one, and has written nothing since.
  const first = await createTable(lake, { name: "t.first", location: `${root}/t/taken`, schema: SCHEMA });
  await dropTable(lake, { tableId: first.tableId });
  await importTable(lake, { name: "t.second", location: `${root}/t/taken`, mode: "full-history" });
  await lake.mirrored();
  const heads = new Map<string, { name: string; version: number }>();
  for (const { tableId, name, version } of (await lake.catalog.listTables({ limit: 100 })).items) {
    heads.set(tableId, { name, version });
  }
  const catalogId = (await lake.catalog.readManifestFacts(orders))?.manifest.catalogId ?? "";
  assert.deepEqual(await lake.catalog.dueManifests(10), []);
  await lake.close();
  rmSync(join(folder, "lost.sqlite"));
  cpSync(join(folder, "lake/sales/orders"), join(folder, "lake/copies/orders"), { recursive: true });
  cpSync(new URL("../golden/trips", import.meta.url), join(folder, "lake/foreign/trips"), { recursive: true });
  return { catalogId, sent, answers, heads, dropped };
}

/** Without what only a first answer has. */
function plain(result: object): unknown {
  const { committedAt, tables, transactionId } = result as { [name: string]: unknown };
  const versions = (tables as { tableId: string; version: number; inCommitTimestamp: number }[]).map((table) => [
    table.tableId,
    table.version,
    table.inCommitTimestamp,
  ]);
  return { committedAt, transactionId, versions };
}

const lost = await liveAndLose();

async function assertRebuilt(lake: Lake): Promise<void> {
  for (const [tableId, { name, version }] of lost.heads) {
    const head = await lake.catalog.findTable({ tableId });
    assert.deepEqual([head?.name, head?.version, head?.baseVersion], [name, version, 0]);
    const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
    assert.deepEqual([report.outcome, report.drift.files, report.drift.other], ["ok", [], []], name);
    await assertHistory(lake, tableId);
  }
  for (const [i, wanted] of lost.sent.entries()) {
    const again = await commit(lake, wanted);
    assert.ok(again.status === "committed" && again.replayed, `request ${i}`);
    assert.deepEqual(plain(again), lost.answers[i]);
  }
  const { dropped, renamed } = (await lake.catalog.whereabouts({ name: "old.dropped" })) ?? {};
  assert.deepEqual([dropped?.tableId, dropped?.version, renamed], [lost.dropped, 1, undefined]);
  assert.equal((await lake.catalog.whereabouts({ name: "sales.items" }))?.renamed?.name, "sales.lines");
}

for (const engine of testEngines()) {
  test(`${engine.name}: tables, names, drops and answers are there again; copies and tables of others are named`, async () => {
    const database = await engine.create();
    const lake = await openLocalLake({ database: database.url, verifyFiles: "off", mirror: false });
    const unknown = { roots: [root], catalogId: crypto.randomUUID() };
    for (const dryRun of [true, false]) {
      await assert.rejects(rebuildCatalog(lake, { ...unknown, dryRun }), { kind: "invalid", code: "UNKNOWN_CATALOG" });
    }
    await assert.rejects(rebuildCatalog(lake, { ...unknown, roots: [`${root}/foreign`] }), { code: "UNKNOWN_CATALOG" });
    const dry = await rebuildCatalog(lake, { roots: [root], dryRun: true });
    const result = await rebuildCatalog(lake, { roots: [root, `${root}/sales`] });
    assert.deepEqual([result.catalogId, result.failed, result.incompleteTransactions], [lost.catalogId, [], 0]);
    assert.deepEqual(
      dry.tables.map(({ name }) => name).sort(),
      result.tables.map(({ name }) => name),
    );
    assert.deepEqual(
      result.tables.map(({ name, status }) => `${name} ${status}`),
      ["deep.place active", "old.dropped dropped", "sales.lines active", "sales.orders active", "t.second active"],
    );
    assert.deepEqual(result.skipped.map(({ location, why }) => [location.slice(root.length), why]).sort(), [
      ["/copies/orders", "copy"],
      ["/foreign/trips", "foreign"],
    ]);
    await assertRebuilt(lake);
    assert.deepEqual(await lake.catalog.dueManifests(10), [], "the logs know it all");
    await assert.rejects(rebuildCatalog(lake, { roots: [root] }), { kind: "conflict", code: "TARGET_NOT_EMPTY" });
    assert.equal((await undropTable(lake, { tableId: lost.dropped })).version, 1);
    await lake.close();
    await database.drop();
  });
}

test("killed at any call, the same rebuild goes on and ends with the same catalog", async () => {
  for (let at = 0, done = false; !done; at += 7 * STRIDE) {
    assert.ok(at < 2000, "the loop ends");
    const database = join(folder, `killed${at}.sqlite`);
    const open = () => openLocalLake({ database, verifyFiles: "off", mirror: false });
    const point = crashPoint(at, at % 2 ? "before" : "after");
    const first = await open();
    const doomed: Lake = { ...first, catalog: dying<Catalog>(first.catalog, point) };
    const outcome = await rebuildCatalog(doomed, { roots: [root] }).catch((error: unknown) => error);
    done = !point.dead;
    assert.ok(done || outcome instanceof Crash, String(outcome));
    await first.close();
    const lake = await open();
    if (!done) {
      const again = await rebuildCatalog(lake, { roots: [root] }).catch((error: unknown) => error);
      // Killed when all was done: then it is a catalog as any other.
      if (!isLakeError(again, "conflict")) assert.deepEqual((again as { failed: unknown }).failed, []);
    }
    await assertRebuilt(lake);
    await lake.close();
    rmSync(database);
  }
});

test("tables of others are imported where that is asked for; a catalog that is not there is not guessed", async () => {
  const lake = await openLocalLake({ database: join(folder, "foreign.sqlite"), verifyFiles: "off", mirror: false });
  const result = await rebuildCatalog(lake, { roots: [root], foreign: true });
  assert.deepEqual(result.tables.find(({ location }) => location.endsWith("trips"))?.name, "foreign.trips");
  await lake.close();
  const other = await openLocalLake({ database: join(folder, "other.sqlite"), verifyFiles: "off", mirror: false });
  const unknown = { roots: [root], catalogId: crypto.randomUUID() };
  await assert.rejects(rebuildCatalog(other, unknown), { kind: "invalid", code: "UNKNOWN_CATALOG" });
  await other.close();
});
