/** Contract of ranges of files, which V2 checkpoints are made of: where they end, and which of them have lost some. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import { add, all, commitNext, dv, newTable, remove } from "../support/catalog-plans.ts";

export function rangesContract({ catalog }: CatalogUnderTest): void {
  test("a list of files ends where it is told to, and ranges that lost files are named: by a remove, or by an add in their place", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const tableId = await newTable(
      catalog(),
      names.map((name) => add(name)),
    );
    const cursors = (await catalog().readFiles(tableId, 0, { limit: 10 })).cursorAfter;
    const [first, second, third] = [2, 4, 6].map(cursors) as [string, string, string];
    const between = async (version: number, cursor: string, upTo: string) =>
      (await all((page) => catalog().readFiles(tableId, version, { limit: 1, cursor, upTo, ...page }))).map(
        (f) => f.path,
      );
    assert.deepEqual(await between(0, first, second), ["c", "d"]);
    const losing = async (after: number, upTo: number, ends = [first, second, third]) => [
      ...(await catalog().rangesLosing(tableId, { after, upTo, ends })),
    ];
    await commitNext(catalog(), tableId, { actions: { adds: [add("g")] } });
    assert.deepEqual(await losing(0, 1), []);
    await commitNext(catalog(), tableId, {
      actions: { removes: [remove("c")], adds: [add("c", { deletionVector: dv("1") })] },
    });
    assert.deepEqual(await losing(0, 2), [1]);
    await commitNext(catalog(), tableId, { actions: { adds: [add("f", { stats: '{"numRecords":3}' })] } });
    await commitNext(catalog(), tableId, { actions: { removes: [remove("a"), remove("g")] } });
    assert.deepEqual(await losing(0, 4), [0, 1, 2]);
    assert.deepEqual(await losing(2, 3), [2]);
    assert.deepEqual(await losing(0, 4, [first]), [0]);
    assert.deepEqual(await losing(4, 4), []);
    assert.deepEqual(await losing(0, 4, []), []);
    assert.deepEqual(await between(4, first, second), ["d"]);
  });
}
