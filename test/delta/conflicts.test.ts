/** The conflict matrix of docs/delta-rules.md §4, cell by cell, through the planner: who am I, who won, at which isolation level. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Commit, CommitActions, RemoveFile, StringMap } from "../../lib/delta/actions.ts";
import { type Conflict, findConflict } from "../../lib/delta/conflicts.ts";
import { planTable } from "../../lib/delta/plan-commit.ts";
import type { IsolationLevel, TableCommit } from "../../lib/delta/request.ts";
import {
  add,
  commit,
  field,
  metadata,
  protocol,
  remove,
  schemaString,
  TRANSACTION_ID,
  tableCommit,
  tableState,
} from "../support/builders.ts";

const still = { dataChange: false };
const upgraded = protocol(["appendOnly", "invariants", "domainMetadata"], ["v2Checkpoint"]);
const domain = { domain: "d", configuration: "{}", removed: false };
const wholeTable = { reads: { wholeTable: true } };
const readF1 = { reads: { files: ["f1"] } };
const readNothing = { reads: {} };

/** Rows: my commit. f1 is the file that overlaps with what some winners do. */
const ME: Readonly<Record<string, TableCommit>> = {
  "blind append": tableCommit({ adds: [add("mine")] }),
  "append, read table": tableCommit({ adds: [add("mine")] }, wholeTable),
  "append, read f1": tableCommit({ adds: [add("mine")] }, readF1),
  "DELETE f1, read table": tableCommit({ removes: [remove("f1")], adds: [add("mine")] }, wholeTable),
  "DELETE f1, read f1": tableCommit({ removes: [remove("f1")], adds: [add("mine")] }, readF1),
  "DELETE f1, reads {}": tableCommit({ removes: [remove("f1")], adds: [add("mine")] }, readNothing),
  "DELETE f1, reads absent": tableCommit({ removes: [remove("f1")], adds: [add("mine")] }),
  "OPTIMIZE f1": tableCommit({ removes: [remove("f1", still)], adds: [add("mine", still)] }, readF1),
  "OPTIMIZE f1, reads {}": tableCommit({ removes: [remove("f1", still)], adds: [add("mine", still)] }, readNothing),
  "overwrite table": tableCommit({ removes: [remove("f1"), remove("f2")], adds: [add("mine")] }, wholeTable),
  "metaData only": tableCommit({ metadata: metadata({ name: "n" }) }, readNothing),
  "metaData, read table": tableCommit({ metadata: metadata({ name: "n" }) }, wholeTable),
  "protocol change": tableCommit({ protocol: upgraded }, readNothing),
  "txn a": tableCommit({ adds: [add("mine")], txns: [{ appId: "a", version: 1 }] }),
  "read txn a": tableCommit({ adds: [add("mine")] }, { reads: { appIds: ["a"] } }),
  "domain d": tableCommit({ domains: [domain] }, readNothing),
  "commitInfo only": tableCommit({}, readNothing),
  "stats of f1 again": tableCommit({ adds: [add("f1", still)] }, readF1),
};

function bareRemove(path: string, partitionValues: StringMap | undefined): RemoveFile {
  const { partitionValues: _, ...bare } = remove(path);
  return partitionValues === undefined ? bare : { ...bare, partitionValues };
}

const winner = (some: Partial<CommitActions>, isBlindAppend: boolean): Commit =>
  commit({ ...some, commitInfo: { isBlindAppend } }, 7);

/** Columns: the commit that won. */
const WINNERS: Readonly<Record<string, Commit>> = {
  blind: winner({ adds: [add("w")] }, true),
  append: winner({ adds: [add("w")] }, false),
  "del f1": winner({ removes: [remove("f1")], adds: [add("w")] }, false),
  "del f9": winner({ removes: [remove("f9")], adds: [add("w")] }, false),
  "del, no add": winner({ removes: [remove("f9")] }, false),
  "opt f1": winner({ removes: [remove("f1", still)], adds: [add("w", still)] }, false),
  "opt f9": winner({ removes: [remove("f9", still)], adds: [add("w", still)] }, false),
  metaData: winner({ metadata: metadata() }, false),
  protocol: winner({ protocol: upgraded }, false),
  "txn a": winner({ txns: [{ appId: "a", version: 9 }] }, false),
  "domain d": winner({ domains: [domain] }, false),
  empty: winner({}, false),
};

const SHORT: Readonly<Record<Conflict["code"], string>> = {
  DELTA_PROTOCOL_CHANGED: "PC",
  DELTA_METADATA_CHANGED: "MC",
  DELTA_CONCURRENT_TRANSACTION: "CT",
  DELTA_CONCURRENT_APPEND: "CA",
  DELTA_CONCURRENT_DELETE_READ: "DR",
  DELTA_CONCURRENT_DELETE_DELETE: "DD",
  DELTA_CONCURRENT_WRITE: "CW",
  VERSION_TAKEN: "VT",
};

/** `CA/ok`: concurrent append under Serializable, ok under WriteSerializable. One word: the same under both. */
const EXPECTED: Readonly<Record<string, string>> = {
  //                          blind append del_f1 del_f9 del   opt_f1 opt_f9 meta prot txn  dom  empty
  "blind append": "ok    ok     ok     ok     ok    ok     ok     MC   PC   ok   ok   ok",
  "append, read table": "CA/ok CA     CA     CA     DR    CA     CA     MC   PC   ok   ok   ok",
  "append, read f1": "ok    ok     DR     ok     ok    DR     ok     MC   PC   ok   ok   ok",
  "DELETE f1, read table": "CA/ok CA     CA     CA     DR    CA     CA     MC   PC   ok   ok   ok",
  "DELETE f1, read f1": "ok    ok     DR     ok     ok    DR     ok     MC   PC   ok   ok   ok",
  "DELETE f1, reads {}": "ok    ok     DD     ok     ok    DD     ok     MC   PC   ok   ok   ok",
  "DELETE f1, reads absent": "CA/ok CA     CA     CA     DR    CA     CA     MC   PC   ok   ok   ok",
  "OPTIMIZE f1": "ok    ok     DR     ok     ok    DR     ok     MC   PC   ok   ok   ok",
  "OPTIMIZE f1, reads {}": "ok    ok     DD     ok     ok    DD     ok     MC   PC   ok   ok   ok",
  "overwrite table": "CA/ok CA     CA     CA     DR    CA     CA     MC   PC   ok   ok   ok",
  "metaData only": "ok    ok     ok     ok     ok    ok     ok     MC   PC   ok   ok   ok",
  "metaData, read table": "CA    CA     CA     CA     DR    CA     CA     MC   PC   ok   ok   ok",
  "protocol change": "ok    ok     ok     ok     ok    ok     ok     MC   PC   ok   ok   ok",
  "txn a": "ok    ok     ok     ok     ok    ok     ok     MC   PC   CT   ok   ok",
  "read txn a": "ok    ok     ok     ok     ok    ok     ok     MC   PC   CT   ok   ok",
  "domain d": "ok    ok     ok     ok     ok    ok     ok     MC   PC   ok   CT   ok",
  "commitInfo only": "ok    ok     ok     ok     ok    ok     ok     MC   PC   ok   ok   ok",
  "stats of f1 again": "ok    ok     DR     ok     ok    DR     ok     MC   PC   ok   ok   ok",
};

function outcome(mine: TableCommit, level: IsolationLevel, winners: readonly Commit[]): Conflict | undefined {
  const { intent } = planTable(tableState(), { ...mine, isolationLevel: level }, TRANSACTION_ID, 0);
  return findConflict(intent, winners);
}

function cell(mine: TableCommit, won: Commit): string {
  const [serializable, weaker] = (["Serializable", "WriteSerializable"] as const).map((level) => {
    const conflict = outcome(mine, level, [won]);
    return conflict ? SHORT[conflict.code] : "ok";
  });
  return serializable === weaker ? String(serializable) : `${serializable}/${weaker}`;
}

describe("me × winner × isolation level", () => {
  const columns = Object.keys(WINNERS);
  const matrix = Object.fromEntries(
    Object.entries(ME).map(([me, mine]) => [me, columns.map((name) => cell(mine, WINNERS[name] as Commit))]),
  );
  const line = (cells: readonly string[]) => cells.map((text) => text.padEnd(12)).join("");
  console.log(
    ["me \\ winner".padEnd(26) + line(columns)]
      .concat(Object.entries(matrix).map(([me, cells]) => me.padEnd(26) + line(cells)))
      .join("\n"),
  );

  test("the table below has every row", () => assert.deepEqual(Object.keys(EXPECTED), Object.keys(ME)));
  for (const [me, expected] of Object.entries(EXPECTED)) {
    for (const [i, wanted] of expected.split(/\s+/).entries()) {
      test(`${me} × ${columns[i]}: ${wanted}`, () => assert.equal(matrix[me]?.[i], wanted));
    }
  }
});

describe("findConflict", () => {
  const mine = ME["DELETE f1, read f1"] as TableCommit;

  test("names the first winner that hurts, and its file", () => {
    const winners = [
      commit({ adds: [add("w")] }, 5),
      commit({ removes: [remove("f9"), remove("f1")] }, 6),
      commit({ removes: [remove("f1")] }, 7),
    ];
    const conflict = outcome(mine, "Serializable", winners);
    assert.equal(conflict?.version, 6);
    assert.equal(conflict?.code, "DELTA_CONCURRENT_DELETE_READ");
    assert.equal(conflict?.path, "f1");
  });

  test("no winner, no conflict", () => assert.equal(outcome(mine, "Serializable", []), undefined));

  test("rules are asked in Spark's order: protocol, metaData, domain and txn, append, delete-read, delete-delete", () => {
    const everything = tableCommit(
      { removes: [remove("f1")], txns: [{ appId: "a", version: 1 }], domains: [domain] },
      wholeTable,
    );
    const all = commit({
      protocol: upgraded,
      metadata: metadata(),
      domains: [domain],
      txns: [{ appId: "a", version: 1 }],
      adds: [add("w")],
      removes: [remove("f1")],
    }).actions;
    const order: string[] = [];
    let left: CommitActions = all;
    const without = ["protocol", "metadata", "domains", "txns", "adds", "removes"] as const;
    for (const name of without) {
      const conflict = outcome(everything, "Serializable", [{ ...commit(), actions: left }]);
      order.push(conflict ? SHORT[conflict.code] : "ok");
      const { [name]: _, ...rest } = left;
      left = { ...commit().actions, ...rest };
    }
    assert.deepEqual(order, ["PC", "MC", "CT", "CT", "CA", "DR"]);
  });

  test("a winner's remove is judged by the values that the catalog knows of the file, whatever the action says", () => {
    const partitioned = tableState({
      metadata: metadata({ partitionColumns: ["p"], schemaString: schemaString(field("p", "string"), field("id")) }),
    });
    const readsA = tableCommit(
      { adds: [add("mine", { partitionValues: { p: "A" } })] },
      { reads: { predicates: [{ column: "p", op: "=", value: "A" }] } },
    );
    const { intent } = planTable(partitioned, readsA, TRANSACTION_ID, 1);
    const says = (values: StringMap | undefined, known: StringMap | undefined) => {
      const removes = [remove("x", { partitionValues: { p: "other" } }), bareRemove("w", values)];
      const removedPartitionValues = [undefined, known];
      return findConflict(intent, [{ ...commit({ removes }), removedPartitionValues }])?.path;
    };
    const [inA, inB] = [{ p: "A" }, { p: "B" }];
    assert.equal(says(undefined, inB), undefined);
    assert.equal(says(undefined, inA), "w");
    assert.equal(says(inB, inA), "w", "an action that says something else is not believed");
    assert.equal(says(inA, inB), undefined);
    assert.equal(says(inB, undefined), undefined, "the action is all that is known");
    assert.equal(says(undefined, undefined), "w", "what nobody knows may be anywhere");
  });

  test("edge 6: another spelling of a path is the same file", () => {
    const removesA = tableCommit({ removes: [remove("a%3ab")] }, readNothing);
    const won = commit({ removes: [remove("a%3Ab")] });
    assert.equal(outcome(removesA, "Serializable", [won])?.code, "DELTA_CONCURRENT_DELETE_DELETE");
    const readsA = tableCommit({ adds: [add("mine")] }, { reads: { files: ["a%3ab"] } });
    assert.equal(outcome(readsA, "Serializable", [won])?.code, "DELTA_CONCURRENT_DELETE_READ");
  });

  test("delete-delete looks at paths alone, whatever the deletion vectors", () => {
    const dv = { storageType: "i", pathOrInlineDv: "x", sizeInBytes: 1, cardinality: 1 };
    const mineWithVector = tableCommit({ removes: [remove("f1", { deletionVector: dv })] }, readNothing);
    const conflict = outcome(mineWithVector, "WriteSerializable", [commit({ removes: [remove("f1")] })]);
    assert.equal(conflict?.code, "DELTA_CONCURRENT_DELETE_DELETE");
  });

  test("a winner that says nothing of being blind is not", () => {
    const conflict = outcome(ME["append, read table"] as TableCommit, "WriteSerializable", [
      commit({ adds: [add("w")] }),
    ]);
    assert.equal(conflict?.code, "DELTA_CONCURRENT_APPEND");
  });

  test("edge 40: another application's txn does not hurt; delta.rowTracking is nobody's", () => {
    const other = commit({ txns: [{ appId: "b", version: 1 }], domains: [{ ...domain, domain: "delta.rowTracking" }] });
    assert.equal(outcome(ME["txn a"] as TableCommit, "Serializable", [other]), undefined);
    assert.equal(outcome(ME["domain d"] as TableCommit, "Serializable", [other]), undefined);
  });
});
