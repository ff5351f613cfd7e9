/** Edge case 49 of docs/delta-rules.md §8: the pairs of its conflict table, each through commit() on a table of its own. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ReadSet } from "../../lib/delta/request.ts";
import { isJsonObject, type Json } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import {
  addOf,
  commitTo,
  newTable,
  openTestLake,
  outcomeOf,
  removeOf,
  request,
  type TestLake,
} from "../support/lake.ts";
import { headVersion } from "../support/table-facts.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

interface Writer {
  readonly actions: readonly Json[];
  readonly reads?: ReadSet;
}

const day = (value: string): Json => ({ column: "day", op: "=", value });
/** Files of a partitioned table are named after their partition: a1, a2 in day=A, b1, b2 in day=B. */
const add = (path: string, more: Record<string, Json> = {}) =>
  addOf(path, { partitionValues: { day: path.charAt(0).toUpperCase() }, ...more });
/** With partition values, as Delta writers send them. */
const remove = (path: string, more: Record<string, Json> = {}) =>
  removeOf(path, {
    extendedFileMetadata: true,
    size: 100,
    partitionValues: { day: path.charAt(0).toUpperCase() },
    ...more,
  });
const unmoved = { dataChange: false };
/** As a remove may come: without saying which partition its file was in. */
const bare = (action: Json): Json => {
  if (!isJsonObject(action) || !isJsonObject(action.remove)) return action;
  const { partitionValues: _, extendedFileMetadata: __, ...rest } = action.remove;
  return { remove: rest };
};

const blindAppend = (path: string): Writer => ({ actions: [add(path)] });
/** INSERT INTO … SELECT from one partition of the same table. */
const appendReading = (path: string, partition: string): Writer => ({
  actions: [add(path)],
  reads: { predicates: [day(partition)] },
});
/** DELETE … WHERE day = …: removes files whole. */
const deletes = (partition: string, ...paths: string[]): Writer => ({
  actions: paths.map((path) => remove(path)),
  reads: { files: paths, predicates: [day(partition)] },
});
/** UPDATE … WHERE day = …: writes a file anew. */
const updates = (partition: string, path: string): Writer => ({
  actions: [remove(path), add(`${path}-new`)],
  reads: { files: [path], predicates: [day(partition)] },
});
/** OPTIMIZE: packs files into one, no data changes. */
const optimize = (...paths: string[]): Writer => ({
  actions: [...paths.map((path) => remove(path, unmoved)), add(`${paths[0]}-packed`, unmoved)],
  reads: { files: paths },
});

const OK = "ok";
const CA = "DELTA_CONCURRENT_APPEND";
const DR = "DELTA_CONCURRENT_DELETE_READ";
const DD = "DELTA_CONCURRENT_DELETE_DELETE";

/** Mine, the winner, what becomes of mine under Serializable, and under WriteSerializable where that is something else. */
const PAIRS: readonly (readonly [name: string, mine: Writer, winner: Writer, s: string, ws?: string])[] = [
  ["blind append over DELETE", blindAppend("a3"), deletes("A", "a1"), OK],
  ["blind append over UPDATE", blindAppend("a3"), updates("A", "a1"), OK],
  ["blind append over blind append", blindAppend("a3"), blindAppend("a4"), OK],
  ["DELETE over blind append of its partition", deletes("A", "a1"), blindAppend("a3"), CA, OK],
  ["DELETE part=A over blind append part=B", deletes("A", "a1"), blindAppend("b3"), OK],
  ["DELETE part=A over append with reads part=A", deletes("A", "a1"), appendReading("a3", "B"), CA],
  ["DELETE part=A over append with reads part=B", deletes("A", "a1"), appendReading("b3", "A"), OK],
  ["append with reads over blind append it should have read", appendReading("b3", "A"), blindAppend("a3"), CA, OK],
  ["append with reads over blind append elsewhere", appendReading("b3", "A"), blindAppend("b4"), OK],
  ["append with reads over OPTIMIZE of what it read", appendReading("b3", "A"), optimize("a1", "a2"), CA],
  ["append with reads over OPTIMIZE elsewhere", appendReading("b3", "A"), optimize("b1", "b2"), OK],
  ["OPTIMIZE over blind append", optimize("a1", "a2"), blindAppend("a3"), OK],
  ["OPTIMIZE over append with reads", optimize("a1", "a2"), appendReading("a3", "B"), OK],
  ["blind append over OPTIMIZE", blindAppend("a3"), optimize("a1", "a2"), OK],
  ["OPTIMIZE over OPTIMIZE of other files", optimize("a1", "a2"), optimize("b1", "b2"), OK],
  ["OPTIMIZE over OPTIMIZE of a file in common", optimize("a1", "a2"), optimize("a2", "b1"), DR],
  ["OPTIMIZE that names no reads, a file in common", { ...optimize("a1"), reads: {} }, optimize("a2", "a1"), DD],
  ["OPTIMIZE over DELETE of another file", optimize("a1"), deletes("A", "a2"), OK],
  ["OPTIMIZE over DELETE of its file", optimize("a1"), deletes("A", "a1"), DR],
  ["DELETE over OPTIMIZE of its file", deletes("A", "a1"), optimize("a1", "a2"), CA],
  ["DELETE over OPTIMIZE of another partition", deletes("A", "a1"), optimize("b1", "b2"), OK],
  ["DELETE over DELETE of the same file", deletes("A", "a1"), deletes("A", "a1"), DR],
  ["DELETE over DELETE of another partition", deletes("A", "a1"), deletes("B", "b1"), OK],
  ["append with reads over DELETE of what it read", appendReading("b3", "A"), deletes("A", "a1"), DR],
  ["append with reads over DELETE elsewhere", appendReading("b3", "A"), deletes("B", "b1"), OK],
  ["append with reads over UPDATE elsewhere", appendReading("b3", "A"), updates("B", "b1"), OK],
  ["UPDATE over UPDATE in another partition", updates("A", "a1"), updates("B", "b1"), OK],
  ["UPDATE over UPDATE in the same partition", updates("A", "a1"), updates("A", "a2"), CA],
];

async function attempt(
  tableId: string,
  { actions, reads }: Writer,
  isolationLevel?: "WriteSerializable",
): Promise<number | string> {
  const table = { tableId, readVersion: 1, actions: [...actions] };
  return outcomeOf(
    await commit(lake, request({ ...table, ...(reads && { reads }), ...(isolationLevel && { isolationLevel }) })),
  );
}

describe("edge 49: a partitioned table", () => {
  let n = 0;
  for (const [name, mine, winner, serializable, writeSerializable = serializable] of PAIRS) {
    test(`edge 49: ${name}: ${serializable}, under WriteSerializable ${writeSerializable}`, async () => {
      for (const [level, expected] of [
        [undefined, serializable],
        ["WriteSerializable", writeSerializable],
      ] as const) {
        for (const won of [winner, { ...winner, actions: winner.actions.map(bare) }]) {
          const id = await newTable(lake, `p.pair${n++}`, { partitionColumns: ["day"] });
          await commitTo(
            lake,
            id,
            0,
            ["a1", "a2", "b1", "b2"].map((path) => add(path)),
          );
          assert.equal(await attempt(id, won), 2);
          // A commit that changes no data runs under SnapshotIsolation, whatever it asks for.
          assert.equal(await attempt(id, mine, level), expected === OK ? 3 : expected, level ?? "Serializable");
          assert.equal(await headVersion(lake, id), expected === OK ? 3 : 2);
        }
      }
    });
  }

  test("edge 49: predicates are compared as values: in, or, not, null and another spelling of the value", async () => {
    const anyOf: readonly (readonly [Json, number | string])[] = [
      [{ column: "DAY", op: "in", values: ["A", "C"] }, CA],
      [{ column: "day", op: "in", values: ["B", "C"] }, 3],
      [{ or: [day("B"), day("A")] }, CA],
      [{ and: [day("A"), day("B")] }, 3],
      [{ not: day("A") }, 3],
      [{ not: day("B") }, CA],
      [{ column: "day", op: "isNull" }, 3],
      [{ and: [day("B"), { column: "id", op: "=", value: 1 }] }, 3],
      [{ or: [day("B"), { column: "id", op: "=", value: 1 }] }, CA],
      [{ column: "day", op: "later than any op we know", value: "A" }, CA],
    ];
    for (const [i, [predicate, expected]] of anyOf.entries()) {
      const id = await newTable(lake, `p.predicate${i}`, { partitionColumns: ["day"] });
      await commitTo(lake, id, 0, [add("a1"), add("b1")]);
      await commitTo(lake, id, 1, [add("a2")]);
      const mine = { actions: [remove("b1")], reads: { files: ["b1"], predicates: [predicate] } };
      assert.equal(await attempt(id, mine), expected, JSON.stringify(predicate));
    }
  });
});

describe("edge 49: a table without partitions", () => {
  test("edge 49: DELETE over append is a conflict; under WriteSerializable a blind one passes", async () => {
    for (const [i, [level, winner, expected]] of (
      [
        [undefined, undefined, CA],
        ["WriteSerializable", undefined, 3],
        ["WriteSerializable", { wholeTable: true }, CA],
      ] as const
    ).entries()) {
      const id = await newTable(lake, `p.plain${i}`);
      await commitTo(lake, id, 0, [addOf("f1"), addOf("f2")]);
      assert.equal(await commitTo(lake, id, 1, [addOf("f3")], winner), 2);
      const mine = { actions: [removeOf("f1")], reads: { files: ["f1"], wholeTable: true } };
      assert.equal(await attempt(id, mine, level), expected, `${level} over ${winner ? "append with reads" : "blind"}`);
      assert.equal(await headVersion(lake, id), expected === CA ? 2 : 3);
    }
  });

  test("edge 49: an overwrite of the whole table loses to any append, delete and rewrite", async () => {
    const winners: readonly (readonly [Writer, string])[] = [
      [{ actions: [addOf("f3")] }, CA],
      [{ actions: [removeOf("f2")], reads: { files: ["f2"] } }, DR],
      [
        {
          actions: [removeOf("f2", unmoved), addOf("f2-packed", unmoved)],
          reads: { files: ["f2"] },
        },
        CA,
      ],
    ];
    for (const [i, [winner, expected]] of winners.entries()) {
      const id = await newTable(lake, `p.overwrite${i}`);
      await commitTo(lake, id, 0, [addOf("f1"), addOf("f2")]);
      assert.equal(await attempt(id, winner), 2);
      const mine = { actions: [removeOf("f1"), removeOf("f2"), addOf("new")], reads: { wholeTable: true } };
      assert.equal(await attempt(id, mine), expected);
    }
  });
});
