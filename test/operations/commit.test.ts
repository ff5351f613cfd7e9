/** Committing through the whole stack on SQLite: outcomes, conflicts, rebase, idempotency, several tables. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { commit } from "../../lib/operations/commit.ts";
import { withoutHealth } from "../support/answers.ts";
import {
  actions,
  addOf,
  commitTo,
  newTable,
  openTestLake,
  outcomeOf,
  removeOf,
  request,
  type TestLake,
} from "../support/lake.ts";
import { codeOf } from "../support/table-facts.ts";
import { assertHistory } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

test("versions are contiguous and a blind append rebases over appends, removes and rewrites", async () => {
  const id = await newTable(lake, "a.appends");
  assert.equal(await commitTo(lake, id, 0, [addOf("f1")]), 1);
  assert.equal(await commitTo(lake, id, 0, [addOf("f2")]), 2);
  assert.equal(await commitTo(lake, id, 2, [removeOf("f1"), addOf("f3")]), 3);
  assert.equal(await commitTo(lake, id, 0, [addOf("f4")]), 4);
  await assertHistory(lake, id);
});

test("the same transactionId gives the first answer forever, another body is refused", async () => {
  const id = await newTable(lake, "a.replay");
  const first = request({ tableId: id, readVersion: 0, actions: [addOf("f")] });
  const answer = await commit(lake, first);
  assert.equal(answer.status, "committed");
  await commitTo(lake, id, 1, [removeOf("f")]);
  const again = await commit(lake, first);
  assert.deepEqual(withoutHealth(again as object), withoutHealth({ ...answer, replayed: true }));
  const other = { ...first, tables: [{ ...first.tables[0], readVersion: 1 }] } as typeof first;
  assert.equal(await codeOf(commit(lake, other)), "IDEMPOTENCY_KEY_REUSED");
  await lake.catalog.dropTable(id, { unpublished: "giveUp" });
  assert.equal((await commit(lake, first)).status, "committed", "even after the table is gone");
});

test("a replay answers although the request would be invalid by now", async () => {
  const id = await newTable(lake, "a.replay_invalid", { partitionColumns: [] });
  const append = request({ tableId: id, readVersion: 0, actions: [addOf("f"), removeOf("g")], reads: {} });
  assert.equal(await codeOf(commit(lake, append)), "REMOVE_OF_UNKNOWN_FILE");
  const good = request({ tableId: id, readVersion: 0, actions: [addOf("f")] });
  await commit(lake, good);
  const state = await lake.catalog.readStates([{ tableId: id }]);
  const metadata = state[0]?.metadata;
  assert.ok(metadata);
  const { unknown: _, ...fields } = metadata;
  const appendOnly = { ...fields, configuration: { ...metadata.configuration, "delta.appendOnly": "true" } };
  assert.equal(await commitTo(lake, id, 1, [{ metaData: appendOnly }]), 2);
  assert.equal((await commit(lake, good)).status, "committed");
});

test("conflicts: whole-table read, file read, delete-delete, metadata, appId, re-add", async () => {
  const id = await newTable(lake, "a.conflicts");
  await commitTo(lake, id, 0, [addOf("f1"), addOf("f2"), addOf("f3")]); // v1
  await commitTo(lake, id, 1, [addOf("f4")]); // v2
  assert.equal(await commitTo(lake, id, 1, [addOf("x")], { wholeTable: true }), "DELTA_CONCURRENT_APPEND");
  assert.equal(
    await commitTo(lake, id, 1, [removeOf("f1")]),
    "DELTA_CONCURRENT_APPEND",
    "removes without reads read it all",
  );
  assert.equal(await commitTo(lake, id, 1, [removeOf("f1")], { files: ["f1"] }), 3);
  assert.equal(await commitTo(lake, id, 2, [removeOf("f1")], { files: [] }), "DELTA_CONCURRENT_DELETE_DELETE");
  assert.equal(await commitTo(lake, id, 2, [addOf("y")], { files: ["f1"] }), "DELTA_CONCURRENT_DELETE_READ");
  assert.equal(await commitTo(lake, id, 2, [addOf("y")], { files: ["f2"] }), 4);
  assert.equal(
    await commitTo(lake, id, 2, [addOf("f1", { dataChange: false })]),
    "DELTA_CONCURRENT_DELETE_READ",
    "no resurrection",
  );
  assert.equal(await commitTo(lake, id, 4, [addOf("z"), { txn: { appId: "app", version: 1 } }]), 5);
  assert.equal(
    await commitTo(lake, id, 4, [addOf("z2"), { txn: { appId: "app", version: 2 } }]),
    "DELTA_CONCURRENT_TRANSACTION",
  );
  assert.equal(await commitTo(lake, id, 4, [addOf("z2"), { txn: { appId: "other", version: 2 } }]), 6);
  const [state] = await lake.catalog.readStates([{ tableId: id }]);
  assert.ok(state);
  const metaData = { ...state.metadata, description: "changed" };
  assert.equal(await commitTo(lake, id, 6, [{ metaData }]), 7);
  assert.equal(await commitTo(lake, id, 6, [addOf("late")]), "DELTA_METADATA_CHANGED");
  assert.equal(await commitTo(lake, id, 7, [addOf("late")]), 8);
  await assertHistory(lake, id);
});

test("a conflict names table, version and class; an OPTIMIZE does not fail a blind append, nor the other way round", async () => {
  const id = await newTable(lake, "a.optimize");
  await commitTo(lake, id, 0, [addOf("f1"), addOf("f2")]);
  await commitTo(lake, id, 1, [addOf("f3")]);
  const optimize = [
    removeOf("f1", { dataChange: false }),
    removeOf("f2", { dataChange: false }),
    addOf("f12", { dataChange: false }),
  ];
  assert.equal(await commitTo(lake, id, 1, optimize, { files: ["f1", "f2"] }), 3);
  assert.equal(await commitTo(lake, id, 1, [addOf("f4")]), 4);
  const result = await commit(lake, request({ tableId: id, readVersion: 2, actions: [removeOf("f1")], reads: {} }));
  assert.deepEqual(result.status === "conflict" && result.conflicts, [
    {
      tableId: id,
      table: "a.optimize",
      code: "DELTA_CONCURRENT_DELETE_DELETE",
      version: 3,
      readVersion: 2,
      path: "f1",
      message: "another commit removed a file that this one removes",
    },
  ]);
});

test("several tables move together, with one timestamp, or not at all", async () => {
  const [a, b] = [await newTable(lake, "m.a"), await newTable(lake, "m.b")];
  const both = await commit(
    lake,
    request(
      { tableId: a, readVersion: 0, actions: [addOf("f")] },
      { tableId: b, readVersion: 0, actions: [addOf("g")] },
    ),
  );
  assert.ok(both.status === "committed");
  assert.equal(new Set(both.tables.map((t) => t.inCommitTimestamp)).size, 1);
  const clash = await commit(
    lake,
    request(
      { tableId: a, readVersion: 1, actions: [addOf("f2")] },
      { tableId: b, readVersion: 0, actions: [addOf("g2")], reads: { wholeTable: true } },
    ),
  );
  assert.equal(outcomeOf(clash), "DELTA_CONCURRENT_APPEND");
  assert.equal((await lake.catalog.findTable({ tableId: a }))?.version, 1, "the other table has not moved");
  assert.equal(
    await codeOf(
      commit(lake, request({ tableId: a, readVersion: 1, actions: [] }, { tableId: a, readVersion: 1, actions: [] })),
    ),
    "INVALID_REQUEST",
  );
});

test("mistakes are told as what they are, and write nothing", async () => {
  const id = await newTable(lake, "a.mistakes");
  await commitTo(lake, id, 0, [addOf("f1")]);
  assert.equal(await codeOf(commitTo(lake, id, 9, [addOf("x")])), "READ_VERSION_AHEAD");
  assert.equal(await codeOf(commitTo(lake, id, 1, [removeOf("nope")])), "REMOVE_OF_UNKNOWN_FILE");
  assert.equal(await codeOf(commitTo(lake, id, 1, [addOf("x"), addOf("x")])), "DELTA_DUPLICATE_ACTIONS_FOUND");
  assert.equal(await codeOf(commitTo(lake, crypto.randomUUID(), 1, [addOf("x")])), "TABLE_NOT_FOUND");
  const dv = { storageType: "u", pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^", offset: 4, sizeInBytes: 40, cardinality: 1 };
  assert.equal(await codeOf(commitTo(lake, id, 1, [removeOf("f1", { deletionVector: dv })])), "REMOVE_OF_UNKNOWN_FILE");
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.version, 1);
});

test("a hot table: sixteen whole-table writers each get in or are told of the conflict, none is lost", async () => {
  const id = await newTable(lake, "a.hot");
  const outcomes = await Promise.all(
    Array.from({ length: 16 }, (_, i) => commitTo(lake, id, 0, [addOf(`h${i}`)], i % 2 ? { wholeTable: true } : {})),
  );
  const versions = outcomes.filter((o) => typeof o === "number").sort((x, y) => x - y);
  assert.deepEqual(
    versions,
    versions.map((_, i) => i + 1),
  );
  assert.ok(versions.length >= 8, "all blind appends got in");
  assert.ok(outcomes.every((o) => typeof o === "number" || o === "DELTA_CONCURRENT_APPEND"));
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.version, versions.length);
});

test("who was refused because of a file stays refused when that file is gone: a conflict is final", async () => {
  const id = await newTable(lake, "a.final");
  await commitTo(lake, id, 0, [addOf("f")]);
  const late = request({ tableId: id, readVersion: 0, actions: [addOf("f")] });
  const conflictOf = async () => {
    const result = await commit(lake, late);
    return result.status === "conflict" && result.conflicts.map(({ code, version }) => ({ code, version }));
  };
  const refused = [{ code: "DELTA_CONCURRENT_DELETE_READ", version: 1 }];
  assert.deepEqual(await conflictOf(), refused);
  await commitTo(lake, id, 1, [removeOf("f")]);
  assert.deepEqual(await conflictOf(), refused);
  assert.equal((await lake.catalog.findTable({ tableId: id }))?.version, 2);
});

test("a stale memory of a table's metadata is found out", async () => {
  const id = await newTable(lake, "a.stale");
  const other = await openOther();
  await commitTo(other, id, 0, [addOf("f1")]); // both remember version-0 metadata
  const [state] = await other.catalog.readStates([{ tableId: id }]);
  assert.ok(state);
  await commitTo(other, id, 1, [{ metaData: { ...state.metadata, configuration: { "delta.appendOnly": "true" } } }]);
  await commitTo(lake, id, 2, [addOf("f2")]);
  assert.equal(await codeOf(commitTo(lake, id, 3, [removeOf("f1")])), "DELTA_CANNOT_MODIFY_APPEND_ONLY");

  async function openOther(): Promise<TestLake> {
    // Another process in front of the same database remembers by itself.
    return lake.with({ catalog: Object.create(lake.catalog) });
  }
});

test("numbers beyond 2^53 stay exact", async () => {
  const id = await newTable(lake, "a.numbers");
  const big = 9223372036854775807n;
  await commitTo(lake, id, 0, [addOf("f", { size: big }), { txn: { appId: "a", version: 9007199254740993n } }]);
  const [committed] = await lake.catalog.readCommits(id, 1, 1);
  assert.equal(committed?.actions.adds[0]?.size, big);
  assert.equal(committed?.actions.txns[0]?.version, 9007199254740993n);
  assert.deepEqual(actions({ txn: { appId: "a", version: 9007199254740993n } }).txns, committed?.actions.txns);
});
