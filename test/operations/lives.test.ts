/** Tables that are dropped, come back and are renamed: nothing acknowledged is lost, and no commit goes to the wrong table. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { decodeManifest } from "../../lib/delta/manifest.ts";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { isLakeError } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { createTable } from "../../lib/operations/create-table.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { describeTable, snapshots } from "../../lib/operations/read.ts";
import { renameTable } from "../../lib/operations/rename-table.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import {
  actions,
  addOf,
  commitTo,
  newTable,
  openTestLake,
  pass,
  SCHEMA,
  STRIDE,
  type TestLake,
} from "../support/lake.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const force = { unpublished: "giveUp" } as const;
const missing = (more: object) => ({ kind: "notFound", code: "TABLE_NOT_FOUND", ...more });

function byName(name: string, readVersion: number, path: string): CommitRequest {
  return {
    transactionId: crypto.randomUUID(),
    tables: [{ table: { name }, readVersion, actions: actions(addOf(path)), at: "/tables/0" }],
  };
}

test("a dropped table says when it was dropped and until when it can come back, to whoever asks for it", async () => {
  const tableId = await newTable(lake, "l.asked");
  await mirrorTable(lake, tableId);
  await commit(lake, byName("l.asked", 0, "f"));
  await dropTable(lake, { tableId }, force);
  const { dropped } = (await lake.catalog.whereabouts({ tableId })) ?? {};
  const facts = { tableId, droppedAt: dropped?.droppedAt, undropUntil: (dropped?.droppedAt ?? 0) + 7 * 86_400_000 };
  const isTold = (error: unknown) => {
    assert.ok(isLakeError(error, "notFound") && error.code === "TABLE_NOT_FOUND", String(error));
    const { table: _table, ...told } = error.facts;
    assert.deepEqual(told, facts);
    assert.match(error.message, /"l.asked" was dropped on .*; until .* it can come back/);
    return true;
  };
  for (const ref of [{ tableId }, { name: "l.asked" }]) {
    await assert.rejects(describeTable(lake, ref, { limit: 10, maxBytes: 1000 }), isTold);
    await assert.rejects(snapshots(lake, { tables: [ref] }), isTold);
    await assert.rejects(dropTable(lake, ref), isTold);
    await assert.rejects(renameTable(lake, ref, "l.other"), isTold);
  }
  await assert.rejects(commit(lake, byName("l.asked", 1, "g")), isTold);
});

test("what a drop by force gave up is there again, is published, and parity is ok", async () => {
  const tableId = await newTable(lake, "l.forced");
  await mirrorTable(lake, tableId);
  for (const v of [0, 1, 2]) await commitTo(lake, tableId, v, [addOf(`f${v}`)]);
  assert.equal((await dropTable(lake, { tableId }, force)).givenUp, 3);
  const back = await undropTable(lake, { name: "l.forced" });
  assert.deepEqual(back, { tableId, name: "l.forced", location: "file:///lake/l.forced", version: 3 });
  assert.deepEqual(await undropTable(lake, { tableId }), back, "asked again");
  assert.equal(await commitTo(lake, tableId, 3, [addOf("later")]), 4);
  assert.deepEqual((await mirrorTable(lake, tableId)).published, [1, 2, 3, 4]);
  assert.equal(await assertTheorem(lake, tableId), 4);
  const report = await diffTable(lake, { ref: { tableId }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
  assert.equal(report.outcome, "ok");
  const manifest = decodeManifest((await lake.openLog(back.location).readManifest()) ?? new Uint8Array());
  assert.deepEqual([manifest?.status, manifest?.changes, manifest?.droppedAt], ["active", 2, undefined]);
});

test("refused by name: taken names and places, a log that went on, a window that is over", async () => {
  const location = "file:///lake/l.refused";
  const tableId = await newTable(lake, "l.refused");
  await mirrorTable(lake, tableId);
  await dropTable(lake, { tableId });
  const namesake = await createTable(lake, { name: "l.REFUSED", location: "file:///lake/x/y", schema: SCHEMA });
  await assert.rejects(undropTable(lake, { tableId }), { kind: "conflict", code: "TABLE_EXISTS", hint: /--as/ });
  await dropTable(lake, { tableId: namesake.tableId }, force);
  const inner = await createTable(lake, { name: "l.inner", location: `${location}/a`, schema: SCHEMA });
  await assert.rejects(undropTable(lake, { tableId }), { kind: "conflict", code: "LOCATION_OVERLAPS" });
  await dropTable(lake, { tableId: inner.tableId }, force);
  await pass(lake, 20);
  const heir = await importTable(lake, { name: "l.heir", location, mode: "snapshot" });
  await assert.rejects(undropTable(lake, { tableId }), { kind: "conflict", code: "LOCATION_TAKEN" });
  await commitTo(lake, heir.tableId, 0, [addOf("heir")]);
  await dropTable(lake, { tableId: heir.tableId }, force);
  await assert.rejects(undropTable(lake, { tableId }), { kind: "conflict", code: "LOCATION_REUSED" });
  await lake.store(location).put("_delta_log/00000000000000000002.json", new TextEncoder().encode("{}"));
  await assert.rejects(undropTable(lake, { tableId: heir.tableId }), { kind: "conflict", code: "LOG_AHEAD" });
  await assert.rejects(undropTable(lake, { name: "l.never" }), missing({}));
  const short = { ...lake, undropWindowMs: 5 };
  const late = await newTable(lake, "l.late");
  await dropTable(lake, { tableId: late }, force);
  await pass(lake, 20);
  // The clock of the test stands still; on a server the drop has gone by that of the database.
  lake.clock.time = Math.max(lake.clock.time, Date.now() + 20);
  await assert.rejects(undropTable(short, { tableId: late }), { code: "UNDROP_WINDOW_OVER" });
  await assert.rejects(describeTable(short, { tableId: late }, { limit: 1, maxBytes: 10 }), /can no longer come back/);
  assert.equal((await undropTable(lake, { tableId: late }, { name: "l.saved" })).name, "l.saved");
  await assert.rejects(undropTable(lake, { tableId: late }, { name: "l.other" }), { code: "TABLE_EXISTS" });
});

test("a former name answers with the new one, until somebody takes it", async () => {
  const tableId = await newTable(lake, "l.before");
  await commit(lake, byName("l.before", 0, "f"));
  assert.deepEqual(await renameTable(lake, { name: "l.before" }, "l.after"), {
    tableId,
    name: "l.after",
    formerName: "l.before",
    location: "file:///lake/l.before",
  });
  assert.equal((await renameTable(lake, { tableId }, "l.after")).formerName, "l.after");
  await assert.rejects(commit(lake, byName("l.before", 1, "g")), missing({ message: /called "l.after" since/ }));
  await assert.rejects(snapshots(lake, { tables: [{ name: "l.before" }] }), (error) => {
    return isLakeError(error) && error.facts.renamedTo === "l.after" && error.facts.tableId === tableId;
  });
  const result = await commit(lake, byName("l.after", 1, "g"));
  assert.ok(result.status === "committed" && result.tables[0]?.tableId === tableId);
  for (const bad of ["nodot", "a b.c", ""])
    await assert.rejects(renameTable(lake, { tableId }, bad), { kind: "invalid" });
  await createTable(lake, { name: "l.before", location: "file:///lake/l.new", schema: SCHEMA });
  await assert.rejects(renameTable(lake, { tableId }, "L.Before"), { code: "TABLE_EXISTS" });
  assert.equal((await describeTable(lake, { name: "l.before" }, { limit: 1, maxBytes: 10 })).head.version, 0);
});

test("names are swapped under a warm process: each of its commits by name is for the table that has the name", async () => {
  const [a, b] = [await newTable(lake, "l.swapA"), await newTable(lake, "l.swapB")];
  // Another process, which remembers both.
  const warm = lake.with({ catalog: { ...lake.catalog } });
  for (const name of ["l.swapA", "l.swapB"]) await commit(warm, byName(name, 0, "first"));
  await renameTable(lake, { tableId: a }, "l.swapC");
  await renameTable(lake, { tableId: b }, "l.swapA");
  await renameTable(lake, { tableId: a }, "l.swapB");
  for (const [name, tableId] of [
    ["l.swapA", b],
    ["l.swapB", a],
  ] as const) {
    const result = await commit(warm, byName(name, 1, "second"));
    assert.ok(result.status === "committed");
    assert.equal(result.tables[0]?.tableId, tableId, `the commit to ${name}`);
  }
});

const MOVES = {
  drop: (at: TestLake, tableId: string) => dropTable(at, { tableId }, force),
  undrop: (at: TestLake, tableId: string) => undropTable(at, { tableId }, { name: "l.back" }),
  rename: (at: TestLake, tableId: string) => renameTable(at, { tableId }, "l.renamed"),
};

for (const [move, run] of Object.entries(MOVES)) {
  test(`${move}: a crash at any call, then again: done once, the theorem holds, and the log is told`, async () => {
    for (const when of ["before", "after"] as const) {
      for (let at = 0, done = false; !done; at += STRIDE) {
        assert.ok(at < 60, "the loop ends");
        const here = await openTestLake();
        const tableId = await newTable(here, "l.crash");
        await commitTo(here, tableId, 0, [addOf("f")]);
        if (move === "undrop") await dropTable(here, { tableId }, force);
        const point = crashPoint(at, when);
        const doomed = here.with({ catalog: dying(here.catalog, point), store: (store) => dying(store, point) });
        const first = await run(doomed, tableId).catch((error: unknown) => error);
        done = !point.dead;
        assert.ok(done || first instanceof Crash, String(first));
        await run(here, tableId).catch((error: unknown) =>
          assert.ok(move === "drop" && isLakeError(error, "notFound")),
        );
        for (const due of await here.catalog.dueManifests(10)) await mirrorTable(here, due.tableId);
        await mirrorTable(here, tableId);
        if (move === "drop") assert.equal((await here.catalog.whereabouts({ tableId }))?.dropped?.version, 1);
        else assert.equal(await assertTheorem(here, tableId), 1);
        const bytes = await here.openLog("file:///lake/l.crash").readManifest();
        const manifest = bytes && decodeManifest(bytes);
        assert.equal(manifest?.name, { drop: "l.crash", undrop: "l.back", rename: "l.renamed" }[move]);
        assert.equal(manifest?.changes, move === "undrop" ? 2 : 1, "one change, however often it was asked for");
        await here.close();
      }
    }
  });
}

test("random lives of tables against a model: names, places, commits and what comes back", async () => {
  const name = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    fc.record({ move: fc.constant("create"), name, place: name }),
    fc.record({ move: fc.constant("commit"), name, place: name }),
    fc.record({ move: fc.constant("commitMirrored"), name, place: name }),
    fc.record({ move: fc.constant("drop"), name, place: name }),
    fc.record({ move: fc.constant("undrop"), name, place: name }),
    fc.record({ move: fc.constant("rename"), name, place: name }),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      run += 1;
      const root = `l.run${run}`;
      const full = (short: string) => `${root}.${short}`;
      interface Known {
        name: string;
        place: string;
        version: number;
        live: boolean;
        droppedAt: number;
        madeAt: number;
      }
      const tables = new Map<string, Known>();
      const living = (wanted: string) => [...tables].find(([, known]) => known.live && known.name === wanted);
      let time = 0;
      for (const { move, name: n, place } of steps) {
        time += 1;
        await pass(lake, 2);
        const there = living(n);
        const attempt = async <T>(work: Promise<T>): Promise<T | undefined> =>
          work.catch((error: unknown) => {
            assert.ok(isLakeError(error) && ["conflict", "notFound"].includes(error.kind), String(error));
            return undefined;
          });
        if (move === "create") {
          const location = `file:///lake/${root}/${place}`;
          const made = await attempt(createTable(lake, { name: full(n), location, schema: SCHEMA }));
          const isTaken = there !== undefined || [...tables.values()].some((t) => t.live && t.place === place);
          if (made === undefined) continue; // a log may be there from before
          assert.ok(!isTaken);
          tables.set(made.tableId, { name: n, place, version: 0, live: true, droppedAt: -1, madeAt: time });
        } else if (move === "commit" || move === "commitMirrored") {
          const version = there?.[1].version ?? 0;
          const result = await attempt(commit(lake, byName(full(n), version, `f${time}`)));
          assert.equal(result?.status === "committed", there !== undefined);
          if (!there || result?.status !== "committed") continue;
          assert.deepEqual([result.tables[0]?.tableId, result.tables[0]?.version], [there[0], version + 1]);
          there[1].version += 1;
          if (move === "commitMirrored") await mirrorTable(lake, there[0]);
        } else if (move === "drop") {
          const dropped = await attempt(dropTable(lake, { name: full(n) }, force));
          assert.equal(dropped?.tableId, there?.[0]);
          if (there) Object.assign(there[1], { live: false, droppedAt: time });
        } else if (move === "rename") {
          const to = full(place);
          const renamed = await attempt(renameTable(lake, { name: full(n) }, to));
          const other = living(place);
          assert.equal(renamed !== undefined, there !== undefined && (other === undefined || other[0] === there[0]));
          if (renamed && there) there[1].name = place;
        } else {
          const last = [...tables]
            .filter(([, t]) => !t.live && t.name === n)
            .sort((x, y) => y[1].droppedAt - x[1].droppedAt)[0];
          const back = await attempt(undropTable(lake, { name: full(n) }));
          if (last === undefined) {
            assert.equal(back?.tableId, there?.[0]);
            continue;
          }
          const [id, known] = last;
          const others = [...tables].filter(([other]) => other !== id).map(([, t]) => t);
          const isFree = !others.some((t) => t.live && (t.name === n || t.place === known.place));
          const isUnused = !others.some((t) => t.place === known.place && t.madeAt > known.droppedAt);
          assert.equal(back?.tableId, isFree && isUnused ? id : undefined);
          if (back) {
            assert.equal(back.version, known.version);
            known.live = true;
          }
        }
      }
      for (const [tableId, known] of tables) {
        const head = await lake.catalog.findTable({ tableId });
        assert.equal(head?.version, known.live ? known.version : undefined);
        if (!known.live) continue;
        assert.equal(head?.name, full(known.name));
        await mirrorTable(lake, tableId);
        assert.equal(await assertTheorem(lake, tableId), known.version);
        await assertHistory(lake, tableId);
      }
    }),
    { numRuns: STRIDE === 1 ? 40 : 5 },
  );
});
