/** Edge cases of transactions (docs/delta-rules.md §8): retries under one id, several tables. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { unavailable } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import type { Catalog } from "../../lib/ports.ts";
import {
  actions,
  addOf,
  commitTo,
  newTable,
  openTestLake,
  outcomeOf,
  request,
  type TestLake,
} from "../support/lake.ts";
import { codeOf, headVersion, livePaths } from "../support/table-facts.ts";
import { assertHistory } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** The commit takes effect, its answer does not arrive. */
function losingAnswers(catalog: Catalog): Catalog {
  const commit: Catalog["commit"] = async (planned) => {
    await catalog.commit(planned);
    throw unavailable("the connection broke");
  };
  return Object.assign(Object.create(catalog) as Catalog, { commit });
}

test("edge 41: the same transactionId after a lost response: the same version, one commit", async () => {
  const id = await newTable(lake, "t.retry");
  const wanted = request({ tableId: id, readVersion: 0, actions: [addOf("f")] });
  assert.equal(await codeOf(commit(lake.with({ catalog: losingAnswers(lake.catalog) }), wanted)), "UNAVAILABLE");
  await commitTo(lake, id, 1, [addOf("later")]);
  const again = await commit(lake, wanted);
  assert.deepEqual([outcomeOf(again), again.status === "committed" && again.replayed], [1, true]);
  assert.deepEqual([await headVersion(lake, id), await livePaths(lake, id)], [2, ["f", "later"]]);
  await assertHistory(lake, id);
});

test("edge 41: sixteen times at once it is still one commit", async () => {
  const id = await newTable(lake, "t.storm");
  const wanted = request({ tableId: id, readVersion: 0, actions: [addOf("f")], reads: { wholeTable: true } });
  const answers = await Promise.all(Array.from({ length: 16 }, () => commit(lake, wanted)));
  assert.deepEqual(new Set(answers.map(outcomeOf)), new Set([1]));
  assert.equal(answers.filter((a) => a.status === "committed" && !a.replayed).length, 1);
  assert.equal(await headVersion(lake, id), 1);
});

test("edge 42: the same transactionId with another body is refused (IDEMPOTENCY_KEY_REUSED, 422 over HTTP)", async () => {
  const [id, other] = [await newTable(lake, "t.reuse"), await newTable(lake, "t.reuse_other")];
  const first = request({ tableId: id, readVersion: 0, actions: [addOf("f")] });
  assert.equal(outcomeOf(await commit(lake, first)), 1);
  const [table] = first.tables;
  assert.ok(table);
  for (const changed of [
    { ...table, actions: actions(addOf("f", { size: 101 })) },
    { ...table, readVersion: 1 },
    { ...table, reads: { wholeTable: true } },
    { ...table, isolationLevel: "WriteSerializable" as const },
    { ...table, table: { tableId: other } },
  ]) {
    assert.equal(await codeOf(commit(lake, { ...first, tables: [changed] })), "IDEMPOTENCY_KEY_REUSED");
  }
  assert.deepEqual([await headVersion(lake, id), await headVersion(lake, other)], [1, 0]);
  assert.equal(outcomeOf(await commit(lake, first)), 1, "the first body still gets the first answer");
});

test("edge 60: a conflict in table B leaves table A as it was", async () => {
  const [a, b] = [await newTable(lake, "t.a"), await newTable(lake, "t.b")];
  await commitTo(lake, b, 0, [addOf("winner")]);
  for (const order of [
    [a, b],
    [b, a],
  ]) {
    const clash = request(
      ...order.map((tableId) => ({ tableId, readVersion: 0, actions: [addOf("mine")], reads: { wholeTable: true } })),
    );
    const result = await commit(lake, clash);
    assert.ok(result.status === "conflict");
    assert.deepEqual(
      result.conflicts.map((c) => [c.tableId, c.code, c.version]),
      [[b, "DELTA_CONCURRENT_APPEND", 1]],
    );
    assert.equal(await lake.catalog.findTransaction(clash.transactionId), undefined);
  }
  assert.deepEqual([await headVersion(lake, a), await headVersion(lake, b)], [0, 1]);
  assert.deepEqual([await livePaths(lake, a), await livePaths(lake, b)], [[], ["winner"]]);
});

test("edge 60: the same table twice is refused, by id or by name", async () => {
  const id = await newTable(lake, "t.twice");
  const twice = request(
    { tableId: id, readVersion: 0, actions: [addOf("f")] },
    { tableId: id.toUpperCase(), readVersion: 0, actions: [addOf("g")] },
  );
  assert.equal(await codeOf(commit(lake, twice)), "INVALID_REQUEST");
  const [first, second] = twice.tables;
  assert.ok(first && second);
  const byName = { ...twice, tables: [first, { ...second, table: { name: "t.twice" } }] };
  assert.equal(await codeOf(commit(lake, byName)), "INVALID_REQUEST");
  assert.equal(await headVersion(lake, id), 0);
});
