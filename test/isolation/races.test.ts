/** Races that once gave a wrong answer, each made to happen on purpose: two servers on one database, one step at a time. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { CommitRequest, CommitResult } from "../../lib/delta/request.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { commit } from "../../lib/operations/commit.ts";
import { snapshots } from "../../lib/operations/read.ts";
import { withoutHealth } from "../support/answers.ts";
import { addOf, commitTo, newTable, removeOf, request, type TestLake } from "../support/lake.ts";
import { assertHistory } from "../support/theorem.ts";
import { openPair, type Pair } from "./pair.ts";

let pair: Pair;
let one: TestLake;
let two: TestLake;

before(async () => {
  pair = await openPair();
  ({ one, two } = pair);
});
after(() => pair.close());

async function changeTable(lake: TestLake, tableId: string, configuration: Record<string, string>): Promise<number> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  assert.ok(state);
  const { unknown: _, ...fields } = state.metadata;
  const metaData = { ...fields, configuration: { ...fields.configuration, ...configuration } } as Json;
  return Number(await commitTo(lake, tableId, state.version, [{ metaData }]));
}

test("a request that loses to its own twin is told that it was committed", async () => {
  const id = await newTable(one, "r.twin");
  const wanted = request({ tableId: id, readVersion: 0, actions: [addOf("f")], reads: { wholeTable: true } });
  // What a server finds whose catalog call came before the twin's, and whose reading of the winners comes after it.
  const catalog = new Proxy(two.catalog, {
    get(target, key) {
      if (key !== "commit") return Reflect.get(target, key);
      return async () => {
        assert.equal((await commit(one, wanted)).status, "committed");
        return { status: "moved", tableIds: [id] };
      };
    },
  });
  const first = two.with({ catalog });
  const answer = await commit(first, wanted);
  assert.equal(answer.status, "committed", JSON.stringify(answer));
  assert.ok(answer.status === "committed" && answer.replayed);
});

test("a server that remembers an old protocol does not refuse what the new one allows", async () => {
  const id = await newTable(one, "r.stale_protocol");
  assert.equal(await commitTo(two, id, 0, [addOf("f")]), 1, "two remembers the table from now on");
  const protocol = {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: ["deletionVectors"],
    writerFeatures: ["deletionVectors", "appendOnly", "invariants", "inCommitTimestamp"],
  };
  const [state] = await one.catalog.readStates([{ tableId: id }]);
  const writerFeatures = [...new Set([...(state?.protocol.writerFeatures ?? []), ...protocol.writerFeatures])];
  assert.equal(await commitTo(one, id, 1, [{ protocol: { ...protocol, writerFeatures } }]), 2);
  const deletionVector = {
    storageType: "u",
    pathOrInlineDv: "vBn[lx{q8@P<9BNH/isA",
    offset: 1,
    sizeInBytes: 4,
    cardinality: 1,
  };
  const stats = '{"numRecords":5,"tightBounds":false}';
  const marked = addOf("f", { deletionVector, stats });
  assert.equal(await commitTo(two, id, 2, [removeOf("f"), marked], { files: ["f"] }), 3);
});

test("a request made invalid by a winner is a conflict, on whatever server", async () => {
  const id = await newTable(one, "r.invalid_by_winner");
  await commitTo(two, id, 0, [addOf("f")]);
  await changeTable(one, id, { "delta.appendOnly": "true" });
  assert.equal(await commitTo(one, id, 1, [removeOf("f")], { files: ["f"] }), "DELTA_METADATA_CHANGED");
  assert.equal(await commitTo(two, id, 1, [removeOf("f")], { files: ["f"] }), "DELTA_METADATA_CHANGED");
});

test("a server that remembers an old isolation level checks winners by the new one", async () => {
  const id = await newTable(one, "r.stale_level");
  await changeTable(one, id, { "delta.isolationLevel": "WriteSerializable" });
  assert.equal(await commitTo(two, id, 1, [addOf("f")]), 2, "two remembers WriteSerializable");
  assert.equal(await changeTable(one, id, { "delta.isolationLevel": "Serializable" }), 3);
  assert.equal(await commitTo(one, id, 3, [addOf("blind")]), 4);
  const answer = await commitTo(two, id, 3, [addOf("g"), removeOf("f")], { wholeTable: true });
  assert.equal(answer, "DELTA_CONCURRENT_APPEND");
});

test("of two that remove one file, and say nothing of what they read, one wins", async () => {
  const id = await newTable(one, "r.removers");
  await commitTo(one, id, 0, [addOf("f"), addOf("g")]);
  assert.equal(await commitTo(one, id, 1, [removeOf("f"), addOf("f1")], {}), 2);
  assert.equal(await commitTo(two, id, 1, [removeOf("f"), addOf("f2")], {}), "DELTA_CONCURRENT_DELETE_DELETE");
  assert.equal(await commitTo(two, id, 1, [removeOf("g")], {}), 3, "another file");
});

test("a conflict is not told by an isolation level that the table got later", async () => {
  const id = await newTable(one, "r.later_level");
  await changeTable(one, id, { "delta.isolationLevel": "WriteSerializable" });
  assert.equal(await commitTo(one, id, 1, [addOf("blind")]), 2);
  assert.equal(await changeTable(one, id, { "delta.isolationLevel": "Serializable" }), 3);
  const wanted = request({ tableId: id, readVersion: 1, actions: [addOf("g")], reads: { wholeTable: true } });
  const result = await commit(two, wanted);
  const [conflict] = result.status === "conflict" ? result.conflicts : [];
  assert.deepEqual([conflict?.code, conflict?.version], ["DELTA_METADATA_CHANGED", 3], "not the append of version 2");
});

test("snapshots at a timestamp never cut a transaction that commits meanwhile in two", async () => {
  const [a, b] = [await newTable(one, "r.cut_a"), await newTable(one, "r.cut_b")];
  const tables = [{ tableId: a }, { tableId: b }];
  const both = async () => {
    const path = crypto.randomUUID();
    const wanted = [a, b].map((tableId) => ({ tableId, readVersion: 0, actions: [addOf(path)] }));
    assert.equal((await commit(one, request(...wanted))).status, "committed");
  };
  // Between any two reads of the snapshot, of whatever kind.
  for (const call of ["findTable", "readStates", "versionAt", "readHeader"] as const) {
    for (const skip of [0, 1, 2, 3]) {
      let count = 0;
      const catalog = new Proxy(one.catalog, {
        get(target, key) {
          const method: unknown = Reflect.get(target, key);
          if (key !== call || typeof method !== "function") return method;
          return async (...args: unknown[]) => {
            if (count++ === skip) await both();
            return method.apply(target, args);
          };
        },
      });
      const { tables: seen } = await snapshots(one.with({ catalog }), { tables, timestamp: one.clock.now() + 1e9 });
      assert.equal(seen[0]?.version, seen[1]?.version, `commit before call ${skip} of ${call}`);
    }
  }
});

test("tables that a transaction only reads are checked as well: no write skew over two tables", async () => {
  const [a, b] = [await newTable(one, "r.skew_a"), await newTable(one, "r.skew_b")];
  const skew = (writes: string, reads: string) =>
    request(
      { tableId: writes, readVersion: 0, actions: [addOf("f")], reads: { wholeTable: true } },
      { tableId: reads, readVersion: 0, actions: [], reads: { wholeTable: true } },
    );
  assert.equal((await commit(one, skew(a, b))).status, "committed");
  assert.equal((await commit(two, skew(b, a))).status, "conflict");
});

test("a table that another request forgets while a third one is looked up is still found", async () => {
  const [a, b] = [await newTable(one, "r.forgotten_a"), await newTable(one, "r.forgotten_b")];
  let meanwhile: (() => Promise<unknown>) | undefined;
  const catalog = new Proxy(one.catalog, {
    get(target, key) {
      if (key !== "readStates") return Reflect.get(target, key);
      return async (refs: Parameters<typeof target.readStates>[0]) => {
        const states = await target.readStates(refs);
        const step = meanwhile;
        meanwhile = undefined;
        await step?.();
        return states;
      };
    },
  });
  const server = one.with({ catalog });
  assert.equal(await commitTo(server, a, 0, [addOf("f")]), 1, "a is remembered, b is not");
  meanwhile = () => changeTable(server, a, { "delta.logRetentionDuration": "interval 60 days" });
  const wanted = [a, b].map((tableId) => ({ tableId, readVersion: 1, actions: [addOf("g")], reads: {} }));
  await commitTo(one, b, 0, [addOf("f")]);
  assert.equal((await commit(server, request(...wanted))).status, "conflict", "found, and the change of metadata won");
});

/** A writer that is overtaken before each of its commit calls, so that its last check is made with the locks held. */
async function overtaken(name: string, beforeLock: (tableId: string, wanted: CommitRequest) => Promise<unknown>) {
  const id = await newTable(one, name);
  await commitTo(one, id, 0, [addOf("mine"), ...Array.from({ length: 9 }, (_, i) => addOf(`other${i}`))]);
  const files = ["mine"];
  const wanted = request({ tableId: id, readVersion: 1, actions: [addOf("new")], reads: { files } });
  let version = 1;
  let locked = 0;
  const catalog = new Proxy(two.catalog, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== "function" || (key !== "commit" && key !== "commitLocked")) return method;
      return async (...args: unknown[]) => {
        version += 1;
        assert.equal(await commitTo(one, id, version - 1, [removeOf(`other${version}`)], {}), version);
        if (key === "commitLocked") locked += 1;
        if (key === "commitLocked") await beforeLock(id, wanted);
        return method.apply(target, args);
      };
    },
  });
  const result = await commit(two.with({ catalog }), wanted);
  assert.ok(locked >= 1, "the last check was made under the lock");
  return { result, before: version };
}

test("a writer that is overtaken every time is served with the locks held", async () => {
  const { result, before: others } = await overtaken("r.starved", async () => undefined);
  assert.ok(result.status === "committed");
  assert.equal(result.tables[0]?.version, others + 1);
});

test("under the lock a winner that hurts is still found", async () => {
  const { result } = await overtaken("r.starved_conflict", async (id) => {
    const head = await one.catalog.findTable({ tableId: id });
    await commitTo(one, id, head?.version ?? 0, [removeOf("mine")], {});
  });
  assert.equal(result.status === "conflict" && result.conflicts[0]?.code, "DELTA_CONCURRENT_DELETE_READ");
});

test("under the lock, too, a request is not told that it lost to its own twin", async () => {
  let twin: CommitResult | undefined;
  const { result } = await overtaken("r.starved_twin", async (_id, wanted) => {
    twin = await commit(one, wanted);
  });
  assert.ok(result.status === "committed" && result.replayed);
  const first = { ...twin, replayed: true };
  assert.deepEqual(withoutHealth(result), withoutHealth(first as object));
});

test("whatever the clocks of two servers say, times grow", async () => {
  const id = await newTable(one, "r.clocks");
  for (const [version, step] of [0, -5000, 3, -1, 0].entries()) {
    one.clock.time += step;
    assert.equal(await commitTo(version % 2 ? one : two, id, version, [addOf(`f${version}`)]), version + 1);
  }
  await assertHistory(one, id);
});
