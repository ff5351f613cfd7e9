/** Contract under many writers at once: versions without gaps, growing times, no deadlock, twins answered alike. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Commit } from "../../lib/delta/actions.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { Catalog, PlannedCommit } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import {
  add,
  commitNext,
  creation,
  id,
  livePaths,
  newTable,
  planned,
  plannedTable,
  remove,
  stateOf,
} from "../support/catalog-plans.ts";

const WRITERS = 16;

const append = (tableId: string, path: string) =>
  plannedTable(tableId, { isBlindAppend: true, actions: { adds: [add(path)] } });

export function concurrencyContract({ catalog, reopen }: CatalogUnderTest): void {
  test("appends to one table at once all commit, without gaps", async () => {
    const tableId = await newTable(catalog());
    const other = await reopen();
    const outcomes = await Promise.all(
      Array.from({ length: WRITERS * 2 }, (_, i) =>
        (i % 2 ? catalog() : other).commit(planned([append(tableId, `f${i}`)])),
      ),
    );
    const versions = outcomes.map((outcome) =>
      outcome.status === "committed" ? outcome.tables[0]?.version : undefined,
    );
    assert.deepEqual(
      versions.toSorted((a, b) => (a ?? 0) - (b ?? 0)),
      Array.from({ length: WRITERS * 2 }, (_, i) => i + 1),
    );
    await checkHistory(catalog(), tableId, WRITERS * 2 + 1);
    await other.close();
  });

  test("the same wish of many at one moment is one wish, and nobody's is refused", async () => {
    const tableId = await newTable(catalog());
    const other = await reopen();
    for (let round = 0; round < 5; round += 1) {
      const wish = { tableId, columnId: `["data","c${round}"]` };
      await Promise.all(Array.from({ length: WRITERS }, (_, i) => (i % 2 ? catalog() : other).addScanWish(wish)));
      assert.deepEqual(await catalog().scanWishes(9), [wish]);
      await catalog().endScanWish(wish);
    }
    await other.close();
  });

  test("a request that the database refuses fails nobody who went with it", async () => {
    const [tableId, other] = await Promise.all([newTable(catalog()), newTable(catalog())]);
    const huge = (path: string) => add(path, { size: 2n ** 62n + 2n ** 61n });
    const poison = plannedTable(tableId, { actions: { adds: [huge("p1"), huge("p2")] } });
    const results = await Promise.allSettled(
      [append(tableId, "f1"), poison, append(other, "f2"), append(tableId, "f3")].map((table) =>
        catalog().commit(planned([table])),
      ),
    );
    assert.deepEqual(
      results.map((result) => (result.status === "fulfilled" ? result.value.status : "refused")),
      ["committed", "refused", "committed", "committed"],
    );
    assert.deepEqual((await livePaths(catalog(), tableId, 2)).toSorted(), ["f1", "f3"]);
  });

  test("transactions over several tables in any order: no deadlock, one time each", async () => {
    const tables = await Promise.all([1, 2, 3, 4].map(() => newTable(catalog())));
    const commits = Array.from({ length: WRITERS }, (_, i) => {
      const some = i % 2 ? tables.slice(0, 3) : tables.slice(1).reverse();
      return planned(some.map((tableId) => append(tableId, `f${i}`)));
    });
    const outcomes = await Promise.all(commits.map((commit) => catalog().commit(commit)));
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "committed");
      assert.deepEqual(new Set(outcome.tables.map((table) => table.timestamp)), new Set([outcome.committedAt]));
    }
    const half = WRITERS / 2;
    for (const [i, tableId] of tables.entries())
      await checkHistory(catalog(), tableId, ([half, 2 * half, 2 * half, half][i] ?? 0) + 1);
  });

  test("twins of one transaction: one commits, the others get its answer", async () => {
    const tableId = await newTable(catalog());
    const commit = planned([append(tableId, "once")]);
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => catalog().commit(commit)));
    assert.equal(outcomes.filter((outcome) => outcome.status === "committed" && !outcome.replayed).length, 1);
    assert.equal(outcomes.filter((outcome) => outcome.status === "committed" && outcome.replayed).length, 7);
    assert.equal((await stateOf(catalog(), tableId)).version, 1);
  });

  test("one of many creations of a name wins; one of many removes of a file wins", async () => {
    const name = `race.${id()}`;
    const created = await Promise.all(
      Array.from({ length: 8 }, () => catalog().commit(planned([creation(id(), name)]))),
    );
    assert.equal(created.filter((outcome) => outcome.status === "committed").length, 1);
    const tableId = await newTable(catalog(), [add("victim")]);
    const removal = () =>
      catalog().commit(planned([plannedTable(tableId, { actions: { removes: [remove("victim")] } })]));
    const removed = await Promise.all(Array.from({ length: 8 }, removal));
    assert.equal(removed.filter((outcome) => outcome.status === "committed").length, 1);
    assert.deepEqual(
      removed.filter((o) => o.status === "rejected").map((o) => o.rejections[0]?.reason),
      Array(7).fill("removedByWinner"),
    );
  });

  lockedTests(catalog);

  test("50,000 files in one commit", async () => {
    const adds = Array.from({ length: 50_000 }, (_, i) =>
      add(`part=${i % 365}/file-${i}.parquet`, { partitionValues: { part: String(i % 365) } }),
    );
    const tableId = await newTable(catalog());
    const started = performance.now();
    await commitNext(catalog(), tableId, { isBlindAppend: true, actions: { adds } });
    console.log(`# 50,000 adds: ${Math.round(performance.now() - started)} ms`);
    assert.equal((await stateOf(catalog(), tableId)).numFiles, 50_000);
    const { items } = await catalog().readFiles(tableId, 1, { limit: 100_000 });
    assert.deepEqual(items.at(-1), adds.at(-1));
    await commitNext(catalog(), tableId, {
      actions: { removes: adds.slice(0, 25_000).map((file) => remove(file.path)) },
    });
    assert.equal((await livePaths(catalog(), tableId, 2)).length, 25_000);
  });
}

function lockedTests(catalog: CatalogUnderTest["catalog"]): void {
  test("a locked commit sees the winners and nobody passes it", async () => {
    const tableId = await newTable(catalog());
    await commitNext(catalog(), tableId, { actions: { adds: [add("w1")] } });
    await commitNext(catalog(), tableId, { actions: { adds: [add("w2")] } });
    let racing: Promise<unknown> = Promise.resolve();
    let seen: readonly Commit[] = [];
    const outcome = await catalog().commitLocked(id(), [{ tableId, after: 0 }], ([state], winners): PlannedCommit => {
      seen = winners.get(tableId) ?? [];
      racing = catalog().commit(planned([append(tableId, "late")]));
      assert.equal(state?.version, 2);
      return planned([
        plannedTable(tableId, { readVersion: 0, checkedVersion: 2, watch: ["add"], actions: { adds: [add("mine")] } }),
      ]);
    });
    assert.deepEqual(
      seen.map((commit) => [commit.version, commit.actions.adds[0]?.path]),
      [
        [1, "w1"],
        [2, "w2"],
      ],
    );
    assert.deepEqual(outcome.status === "committed" && outcome.tables.map((table) => table.version), [3]);
    await racing;
    assert.equal((await stateOf(catalog(), tableId)).version, 4);
  });

  test("a plan that throws writes nothing, and its error comes out", async () => {
    const tableId = await newTable(catalog());
    const stop = new Error("conflict");
    await assert.rejects(
      catalog().commitLocked(id(), [{ tableId, after: 0 }], () => {
        throw stop;
      }),
      (error) => error === stop,
    );
    assert.equal((await stateOf(catalog(), tableId)).version, 0);
    await assert.rejects(
      catalog().commitLocked(id(), [{ tableId: "x", after: 0 }], () => planned([])),
      (e) => isLakeError(e, "invalid"),
    );
    await commitNext(catalog(), tableId, {});
  });
}

/** Versions from 0 without gaps, times that grow strictly, as many files as were added. */
async function checkHistory(catalog: Catalog, tableId: string, versions: number): Promise<void> {
  const { items } = await catalog.history(tableId, { limit: 1000 });
  assert.deepEqual(
    items.map((item) => item.version),
    Array.from({ length: versions }, (_, i) => versions - 1 - i),
  );
  assert.ok(items.every((item, i) => i === 0 || item.timestamp < (items[i - 1]?.timestamp ?? 0)));
  assert.equal((await livePaths(catalog, tableId, versions - 1)).length, versions - 1);
}
