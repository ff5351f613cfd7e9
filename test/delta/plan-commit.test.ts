/** The planner: what a commit has read, how isolated it is, whether it is blind, and what the version will say of itself. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planTable } from "../../lib/delta/plan-commit.ts";
import type { TableCommit } from "../../lib/delta/request.ts";
import type { TableState } from "../../lib/delta/table.ts";
import { parseJson } from "../../lib/delta/values/json.ts";
import {
  add,
  deletionVector,
  markers,
  metadata,
  protocol,
  refuses,
  remove,
  TRANSACTION_ID,
  tableCommit,
  tableState,
} from "../support/builders.ts";

const plan = (request: TableCommit, state: Partial<TableState> = {}) =>
  planTable(tableState(state), request, TRANSACTION_ID, request.readVersion);
const still = { dataChange: false };
const configured = (configuration: Record<string, string>, features = ["domainMetadata"]) => ({
  metadata: metadata({ configuration }),
  protocol: protocol(["appendOnly", "invariants", ...features]),
});

describe("blind appends", () => {
  const blind = (request: TableCommit) => plan(request).planned.isBlindAppend;
  const claim = (isBlindAppend: boolean) => ({ commitInfo: { isBlindAppend } });
  const yes: readonly [string, TableCommit][] = [
    ["adds, reads absent", tableCommit({ adds: [add()] })],
    ["adds and a txn", tableCommit({ adds: [add()], txns: [{ appId: "a", version: 1 }] })],
    ["adds, reads empty", tableCommit({ adds: [add()] }, { reads: {} })],
    ["adds, a claim", tableCommit({ adds: [add()], ...claim(true) })],
    ["adds, a read of another application's version", tableCommit({ adds: [add()] }, { reads: { appIds: ["b"] } })],
  ];
  const no: readonly [string, TableCommit][] = [
    ["no adds", tableCommit()],
    ["adds that change no data", tableCommit({ adds: [add("a", still)] })],
    ["one add of two that changes no data", tableCommit({ adds: [add("a"), add("b", still)] })],
    ["a remove", tableCommit({ adds: [add("a")], removes: [remove("b")] }, { reads: {} })],
    [
      "a change file",
      tableCommit({ adds: [add()], others: [{ cdc: { path: "c", partitionValues: {}, size: 1, dataChange: false } }] }),
    ],
    ["a read of files", tableCommit({ adds: [add()] }, { reads: { files: ["f"] } })],
    ["a read of the table", tableCommit({ adds: [add()] }, { reads: { wholeTable: true } })],
    ["metaData, reads absent", tableCommit({ adds: [add()], metadata: metadata() })],
    ["a writer who says no", tableCommit({ adds: [add()], ...claim(false) })],
    ["a writer who says no, reads empty", tableCommit({ adds: [add()], ...claim(false) }, { reads: {} })],
  ];
  for (const [name, request] of yes) test(`${name}: blind`, () => assert.equal(blind(request), true));
  for (const [name, request] of no) test(`${name}: not blind`, () => assert.equal(blind(request), false));

  test("commitInfo says what is so, not what was claimed", () => {
    const info = (request: TableCommit) => plan(request).planned.actions.commitInfo?.isBlindAppend;
    assert.equal(info(tableCommit({ adds: [add()] })), true);
    assert.equal(info(tableCommit({ ...claim(true) }, { reads: {} })), false);
  });

  test("edge 50: a claim with removes or reads is refused", () => {
    const at = "/tables/0/commitInfo/isBlindAppend";
    refuses(() => plan(tableCommit({ adds: [add("a")], removes: [remove("b")], ...claim(true) }, { reads: {} })), {
      at,
    });
    refuses(() => plan(tableCommit({ adds: [add()], ...claim(true) }, { reads: { files: ["f"] } })), { at });
    refuses(() => plan(tableCommit({ adds: [add()], ...claim(true) }, { reads: { wholeTable: true } })), { at });
  });
});

describe("what was read", () => {
  const whole = (request: TableCommit, state: Partial<TableState> = {}) => {
    const { readsWholeTable, readPartitions } = plan(request, state).intent;
    return readsWholeTable || readPartitions.some((matches) => matches({}));
  };
  const cases: readonly [string, TableCommit, boolean][] = [
    ["only adds, reads absent", tableCommit({ adds: [add()] }), false],
    ["only a txn, reads absent", tableCommit({ txns: [{ appId: "a", version: 1 }] }), false],
    ["removes, reads absent", tableCommit({ removes: [remove()] }), true],
    ["metaData, reads absent", tableCommit({ metadata: metadata() }), true],
    ["a domain, reads absent", tableCommit({ domains: [{ domain: "d", configuration: "", removed: false }] }), true],
    ["an unknown action beside adds, reads absent", tableCommit({ adds: [add()], others: [{ foo: 1 }] }), true],
    ["nothing at all, reads absent", tableCommit(), true],
    [
      "adds of a writer who is not blind, reads absent",
      tableCommit({ adds: [add()], commitInfo: { isBlindAppend: false } }),
      true,
    ],
    ["removes, reads empty", tableCommit({ removes: [remove()] }, { reads: {} }), false],
    ["metaData, reads of a file", tableCommit({ metadata: metadata() }, { reads: { files: ["f"] } }), false],
    ["the table", tableCommit({ adds: [add()] }, { reads: { wholeTable: true } }), true],
    [
      "a predicate over a data column",
      tableCommit({ adds: [add()] }, { reads: { predicates: [{ column: "id", op: "=", value: 1 }] } }),
      true,
    ],
  ];
  for (const [name, request, expected] of cases) {
    test(`${name}: ${expected ? "the whole table" : "no more than was said"}`, () =>
      assert.equal(whole(request), expected));
  }

  test("a new CHECK constraint means that all rows were looked at, whatever the request says", () => {
    const constraint = { "delta.constraints.positive": "id > 0" };
    const request = tableCommit(
      { metadata: metadata({ configuration: constraint }) },
      { reads: {}, supportedFeatures: { writer: ["checkConstraints"] } },
    );
    const table = configured({}, ["checkConstraints"]);
    assert.equal(whole(request, table), true);
    assert.equal(whole(request, configured(constraint, ["checkConstraints"])), false, "it was there before");
  });

  test("edge 6: files are known by one spelling; applications are those read and those written", () => {
    const { intent } = plan(
      tableCommit(
        { adds: [add()], txns: [{ appId: "a", version: 1 }] },
        { reads: { files: ["x%3ay", "x%3Ay"], appIds: ["b"] } },
      ),
    );
    assert.deepEqual([...intent.readFiles], ["x:y"]);
    assert.deepEqual([...intent.appIds].sort(), ["a", "b"]);
  });
});

describe("isolation", () => {
  const level = (request: TableCommit, ofTable?: string) =>
    plan(request, ofTable === undefined ? {} : configured({ "delta.isolationLevel": ofTable })).intent.isolation;
  const rearranged = { removes: [remove("a", still)], adds: [add("b", still)] };
  const at = "/tables/0/isolationLevel";

  test("what holds where neither says counts for nothing more", () => {
    const isolationElse = "WriteSerializable";
    assert.equal(level({ ...tableCommit({ adds: [add()] }), isolationElse }), "WriteSerializable");
    assert.equal(level({ ...tableCommit({ adds: [add()] }), isolationElse }, "Serializable"), "Serializable");
    const wanted = { ...tableCommit({ adds: [add()] }), isolationElse, isolationLevel: "Serializable" } as const;
    assert.equal(level(wanted), "Serializable");
  });

  test("the table's level, Serializable by default", () => {
    assert.equal(level(tableCommit({ adds: [add()] })), "Serializable");
    assert.equal(level(tableCommit({ adds: [add()] }), "WriteSerializable"), "WriteSerializable");
    assert.equal(level(tableCommit({ adds: [add()] }), "writeserializable"), "WriteSerializable");
    assert.equal(level(tableCommit({ adds: [add()] }), "something"), "Serializable");
  });
  test("a request may ask for more, but for less only where the table demands nothing", () => {
    const asks = (isolationLevel: "Serializable" | "WriteSerializable") =>
      tableCommit({ adds: [add()] }, { isolationLevel });
    assert.equal(level(asks("Serializable"), "WriteSerializable"), "Serializable");
    assert.equal(level(asks("WriteSerializable")), "WriteSerializable");
    refuses(() => level(asks("WriteSerializable"), "Serializable"), { at });
    refuses(() => level(asks("WriteSerializable"), "serializable"), { at });
  });
  test("a commit that only rearranges data is lowered to SnapshotIsolation, whatever was asked", () => {
    assert.equal(level(tableCommit(rearranged)), "SnapshotIsolation");
    assert.equal(level(tableCommit(rearranged, { isolationLevel: "Serializable" })), "SnapshotIsolation");
    assert.equal(level(tableCommit(rearranged, { isolationLevel: "SnapshotIsolation" })), "SnapshotIsolation");
    assert.equal(level(tableCommit({ adds: [add("a", still)] })), "SnapshotIsolation");
    assert.equal(plan(tableCommit(rearranged)).planned.actions.commitInfo?.isolationLevel, "SnapshotIsolation");
  });
  const notLowered: readonly [string, TableCommit][] = [
    ["one file that changes data", tableCommit({ ...rearranged, adds: [add("b", still), add("c")] })],
    ["metaData", tableCommit({ ...rearranged, metadata: metadata() })],
    ["a txn", tableCommit({ ...rearranged, txns: [{ appId: "a", version: 1 }] })],
    ["a domain", tableCommit({ ...rearranged, domains: [{ domain: "d", configuration: "", removed: false }] })],
    ["an unknown action", tableCommit({ ...rearranged, others: [{ foo: 1 }] })],
    ["no file at all", tableCommit()],
  ];
  for (const [name, request] of notLowered) {
    test(`${name}: not lowered, and SnapshotIsolation cannot be had`, () => {
      assert.equal(level(request), "Serializable");
      refuses(() => level({ ...request, isolationLevel: "SnapshotIsolation" }), { at });
    });
  }
});

describe("what is planned", () => {
  test("versions and markers that it was checked against", () => {
    const { planned } = plan(tableCommit({ adds: [add()] }, { readVersion: 7 }), {
      version: 9,
      markers: markers({ metadata: 3, protocol: 2 }),
    });
    const { readVersion, checkedVersion, metadataVersion, protocolVersion } = planned;
    assert.deepEqual([readVersion, checkedVersion, metadataVersion, protocolVersion], [7, 7, 3, 2]);
  });
  test("edge 29: commitInfo is made where there is none, and the client's own fields stay", () => {
    const none = plan(tableCommit({ adds: [add()] }, { readVersion: 4 })).planned.actions.commitInfo;
    assert.deepEqual(none, {
      operation: "WRITE",
      operationParameters: {},
      readVersion: 4,
      isolationLevel: "Serializable",
      isBlindAppend: true,
      engineInfo: "deltalakedb",
      txnId: TRANSACTION_ID,
    });
    const given = {
      operation: "MERGE",
      engineInfo: "mine",
      readVersion: 1,
      txnId: "x",
      inCommitTimestamp: 5,
      userMetadata: "u",
    };
    const info = plan(tableCommit({ adds: [add()], commitInfo: given })).planned.actions.commitInfo;
    assert.deepEqual(
      [info?.operation, info?.engineInfo, info?.readVersion, info?.txnId, info?.userMetadata],
      ["MERGE", "mine", 0, TRANSACTION_ID, "u"],
    );
    assert.ok(info !== undefined && !("inCommitTimestamp" in info), "it is assigned under the lock");
  });
  test("operationParameters become texts, which is what readers take", () => {
    const operationParameters = { mode: "Append", n: parseJson("1.0"), list: ["a"], flag: false, nothing: null };
    const info = plan(tableCommit({ adds: [add()], commitInfo: { operationParameters } })).planned.actions.commitInfo;
    assert.deepEqual(info?.operationParameters, { mode: "Append", n: "1.0", list: '["a"]', flag: "false" });
  });
  test("an operation has a name", () => {
    const operation = (request: TableCommit) => plan(request).planned.actions.commitInfo?.operation;
    assert.equal(operation(tableCommit({ removes: [remove()] })), "WRITE");
    assert.equal(operation(tableCommit({ metadata: metadata() })), "SET TBLPROPERTIES");
    assert.equal(operation(tableCommit()), "Manual Update");
  });
  test("edge 39: the same txn twice is one", () => {
    const txns = [
      { appId: "a", version: 1 },
      { appId: "b", version: 1 },
      { appId: "a", version: 1 },
    ];
    assert.deepEqual(
      plan(tableCommit({ txns })).planned.actions.txns.map((txn) => txn.appId),
      ["a", "b"],
    );
  });

  test("in-commit timestamps as the table has them", () => {
    const planned = (value: string) =>
      plan(
        tableCommit({ adds: [add()] }),
        configured({ "delta.enableInCommitTimestamps": value }, ["inCommitTimestamp"]),
      ).planned;
    assert.equal(planned("true").inCommitTimestamps, true);
    assert.equal(planned("false").inCommitTimestamps, false);
  });

  test("edge 44: turning in-commit timestamps on leaves room for what only the lock knows", () => {
    const on = { "delta.enableInCommitTimestamps": "true" };
    const enablement = (before: Record<string, string>, after: Record<string, string>) => {
      const state = configured(before, ["inCommitTimestamp"]);
      const { planned } = plan(tableCommit({ metadata: metadata({ configuration: { ...after, mine: "x" } }) }), state);
      const { configuration } = planned.actions.metadata ?? metadata();
      assert.equal(configuration.mine, "x");
      return ["Version", "Timestamp"].map((name) => configuration[`delta.inCommitTimestampEnablement${name}`]);
    };
    const names = (version: string, timestamp: string) => ({
      "delta.inCommitTimestampEnablementVersion": version,
      "delta.inCommitTimestampEnablementTimestamp": timestamp,
    });
    const late = [`dl:version:${TRANSACTION_ID}`, `dl:timestamp:${TRANSACTION_ID}`];
    assert.deepEqual(enablement({}, on), late);
    assert.deepEqual(enablement({}, { ...on, ...names("1", "2") }), late, "whatever the writer says");
    assert.deepEqual(enablement({ ...on, ...names("5", "9") }, on), ["5", "9"], "what it was stays");
    assert.deepEqual(enablement(on, { ...on, ...names("5", "9") }), [undefined, undefined], "on since version 0");
    assert.deepEqual(enablement({}, {}), [undefined, undefined]);
  });

  test("row ids are assigned when the feature is supported, enabled or not, and not suspended", () => {
    const request = tableCommit({
      adds: [add("f", { stats: '{"numRecords":1}', baseRowId: 5, defaultRowCommitVersion: 2, tags: { a: "b" } })],
    });
    const planned = (suspended: string, features: string[]) =>
      plan(request, configured({ "delta.rowTrackingSuspended": suspended }, features)).planned;
    const tracked = planned("false", ["rowTracking", "domainMetadata"]);
    assert.equal(tracked.assignRowIds, true);
    assert.equal(tracked.actions.adds[0]?.baseRowId, 5);
    const suspended = planned("TRUE", ["rowTracking", "domainMetadata"]);
    assert.equal(suspended.assignRowIds, false);
    assert.deepEqual(
      Object.keys(suspended.actions.adds[0] ?? {}).filter((key) => /row/i.test(key)),
      [],
    );
    assert.deepEqual(suspended.actions.adds[0]?.tags, { a: "b" });
    assert.equal(planned("false", ["domainMetadata"]).assignRowIds, false);
  });

  test("what the commit changes itself counts: it turns a feature on and makes use of it", () => {
    const adds = [add("f", { deletionVector: deletionVector(), stats: '{"numRecords":3}' })];
    refuses(() => plan(tableCommit({ adds })), { code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", at: "/tables/0" });
    const after = protocol(["appendOnly", "invariants", "domainMetadata"], ["deletionVectors"]);
    assert.equal(plan(tableCommit({ adds, protocol: after })).planned.actions.protocol, after);
  });

  test("reader and writer declarations both count", () => {
    const table = configured({ "delta.enableChangeDataFeed": "true" }, ["changeDataFeed"]);
    const declares = (supportedFeatures: TableCommit["supportedFeatures"]) =>
      plan(tableCommit({ adds: [add()] }, supportedFeatures && { supportedFeatures }), table);
    refuses(() => declares(undefined), {
      code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
      at: "/tables/0/supportedFeatures",
    });
    for (const declared of [{ writer: ["changeDataFeed"] }, { reader: ["changeDataFeed"] }]) {
      assert.equal(declares(declared).planned.isBlindAppend, true);
    }
  });
});
