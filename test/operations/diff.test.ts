/** `dl diff` as an operation: agreement, every kind of drift, lag alone, retention that is no drift. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DiffReport } from "../../lib/delta/diff.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { addOf, commitTo, newTable, openTestLake, pass, removeOf, type TestLake } from "../support/lake.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** At once, in a pass for every file, and by fingerprint first: whichever way, the same is found. */
async function diff(tableId: string, { maxDriftFiles = 0, lagThresholdSeconds = 60 } = {}): Promise<DiffReport> {
  const request = { ref: { tableId }, lagThresholdSeconds, maxDriftFiles };
  const report = await diffTable(lake, request);
  assert.deepEqual(comparable(await diffTable(lake, { ...request, filesAPass: 1 })), comparable(report));
  const { notes: _, ...byFingerprint } = comparable(await diffTable(lake, { ...request, fieldsUpTo: 0 }));
  const { notes: __, ...byFields } = comparable(report);
  assert.deepEqual(byFingerprint, byFields);
  return report;
}

/** Ages go by the clock of the database where it has one, and that one goes on. */
const comparable = ({ drift, lagSeconds: _, checkedAt: __, ...report }: DiffReport) => ({
  ...report,
  drift: { ...drift, files: drift.files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) },
});

async function mirrored(name: string, interval = "100"): Promise<string> {
  const id = await newTable(lake, name, { configuration: { "delta.checkpointInterval": interval } });
  await commitTo(lake, id, 0, [addOf("f1", { stats: '{"numRecords": 3}' }), addOf("f2")]);
  await commitTo(lake, id, 1, [removeOf("f2"), addOf("f3"), { txn: { appId: "app", version: 7 } }]);
  await mirrorTable(lake, id);
  return id;
}

const key = (version: number) => `_delta_log/${String(version).padStart(20, "0")}.json`;

async function edit(name: string, version: number, change: (text: string) => string): Promise<void> {
  const store = lake.store(`file:///lake/${name}`);
  const text = new TextDecoder().decode((await store.get(key(version)))?.bytes);
  const changed = change(text);
  assert.notEqual(changed, text, "the edit does something");
  await store.put(key(version), new TextEncoder().encode(changed));
}

test("agreement: outcome ok, versions equal, nothing listed", async () => {
  const report = await diff(await mirrored("d.ok"));
  assert.deepEqual(
    [report.outcome, report.versionDelta, report.comparedVersion, report.drift.fileCount, report.mirror?.status],
    ["ok", 0, 2, 0, "COMPLETE"],
  );
});

test("a changed size is a different file, by field, counted once", async () => {
  const id = await mirrored("d.size");
  await edit("d.size", 2, (text) => text.replace('"size":100', '"size":101'));
  const report = await diff(id);
  assert.equal(report.outcome, "drift");
  assert.equal(report.drift.fileCount, 1);
  assert.deepEqual(report.drift.files[0], {
    kind: "different",
    path: "f3",
    fields: [{ field: "size", sql: 100, log: 101 }],
  });
  assert.equal((await diff(id, { maxDriftFiles: 1 })).outcome, "ok", "--max-drift-files tolerates it");
});

test("a missing and an extra file, changed statistics, a lost txn", async () => {
  const id = await mirrored("d.files");
  await edit("d.files", 2, (text) => text.replaceAll("f3", "f4").replace(/\{"txn".*\n/, ""));
  await edit("d.files", 1, (text) => text.replace('\\"numRecords\\": 3', '\\"numRecords\\": 4'));
  const report = await diff(id);
  assert.deepEqual(report.drift.files.map((f) => `${f.kind} ${f.path}`).sort(), [
    "different f1",
    "extra f4",
    "missing f3",
  ]);
  assert.ok(report.drift.other.some((d) => d.field === "txn.app" && d.sql === 7 && d.log === null));
});

test("metadata and protocol drift are told by field", async () => {
  const id = await mirrored("d.meta");
  await edit("d.meta", 0, (text) =>
    text
      .replace('"delta.checkpointInterval":"100"', '"delta.checkpointInterval":"7"')
      .replace('"invariants"', '"checkConstraints"'),
  );
  const report = await diff(id);
  assert.deepEqual(report.drift.metadata, [{ field: "configuration.delta.checkpointInterval", sql: "100", log: "7" }]);
  assert.deepEqual(
    report.drift.protocol.map((d) => d.field),
    ["writerFeatures"],
  );
  assert.equal(report.outcome, "drift");
});

test("a damaged commit below a checkpoint is found, too", async () => {
  const id = await newTable(lake, "d.below", { configuration: { "delta.checkpointInterval": "2" } });
  for (let v = 0; v < 3; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  await mirrorTable(lake, id);
  await edit("d.below", 1, (text) => text.replace('"size":100', '"size":1'));
  assert.equal((await diff(id)).outcome, "drift");
});

test("a commit whose only change is its commitInfo has drifted: published bytes never change", async () => {
  const id = await mirrored("d.info");
  await edit("d.info", 1, (text) => text.replace('"operation":"WRITE"', '"operation":"DELETE"'));
  assert.deepEqual(
    (await diff(id)).drift.other.map((d) => d.field),
    ["1.json: commitInfo.operation"],
  );
});

test("text that is no log, and a lost version, are drift", async () => {
  const id = await mirrored("d.torn");
  await edit("d.torn", 2, (text) => text.slice(0, text.length - 20));
  const torn = await diff(id);
  assert.equal(torn.outcome, "drift");
  assert.match(String(torn.drift.other[0]?.log), /00000000000000000002\.json|JSON/);
  const lost = await newTable(lake, "d.lost");
  await mirrorTable(lake, lost);
  await commitTo(lake, lost, 0, [addOf("f")]);
  await lake.catalog.markPublished(lost, [1], lake.clock.now());
  const report = await diff(lost);
  assert.equal(report.outcome, "drift", "SQL says published, the log does not have it");
});

test("lag alone: only what is overdue, compared at the version that the mirror has reached", async () => {
  const id = await mirrored("d.lag");
  await commitTo(lake, id, 2, [addOf("f9")]);
  // SQLite goes by the clock of the test, PostgreSQL by its own.
  await pass(lake, 20);
  assert.equal((await diff(id)).outcome, "ok", "within the threshold");
  const report = await diff(id, { lagThresholdSeconds: 0.01 });
  assert.deepEqual(
    [report.outcome, report.versionDelta, report.comparedVersion, report.mirror?.status],
    ["lag", 1, 2, "IN_FLIGHT"],
  );
  assert.ok(report.lagSeconds >= 0.02 && report.lagSeconds < 60);
});

test("drift comes before lag; a foreign version above the head is drift", async () => {
  const id = await mirrored("d.foreign");
  const store = lake.store("file:///lake/d.foreign");
  await store.put(key(3), new TextEncoder().encode('{"commitInfo":{}}\n'));
  const report = await diff(id);
  assert.deepEqual([report.outcome, report.versionDelta], ["drift", -1]);
});

test("a log cleaned up by retention is no drift", async () => {
  const id = await newTable(lake, "d.retention", { configuration: { "delta.checkpointInterval": "4" } });
  for (let v = 0; v < 6; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  await mirrorTable(lake, id);
  const whole = lake.store("file:///lake/d.retention");
  const kept = new Map<string, Uint8Array>();
  for await (const { key: name } of whole.list("")) {
    const version = Number(/(\d{20})\.json$/.exec(name)?.[1] ?? 99);
    if (version >= 4) kept.set(name, (await whole.get(name))?.bytes ?? new Uint8Array());
  }
  const cleaned = lake.store("file:///lake/d.cleaned");
  for (const [name, bytes] of kept) await cleaned.put(name, bytes);
  const report = await diffTable(lake, {
    ref: { tableId: id },
    log: lake.openLog("file:///lake/d.cleaned"),
    lagThresholdSeconds: 5,
    maxDriftFiles: 0,
  });
  assert.deepEqual([report.outcome, report.drift.fileCount, report.comparedVersion], ["ok", 0, 6]);
});

test("what is committed and published while it compares is no version of somebody else", async () => {
  const id = await newTable(lake, "d.race");
  await commitTo(lake, id, 0, [addOf("before")]);
  await mirrorTable(lake, id);
  let raced = false;
  const racing = {
    ...lake,
    catalog: {
      ...lake.catalog,
      async findTable(...args: Parameters<typeof lake.catalog.findTable>) {
        const head = await lake.catalog.findTable(...args);
        if (raced) return head;
        raced = true;
        await commitTo(lake, id, 1, [addOf("meanwhile")]);
        await mirrorTable(lake, id);
        return head;
      },
    },
  };
  const report = await diffTable(racing, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
  assert.deepEqual([report.outcome, report.sqlVersion, report.logVersion, report.comparedVersion], ["ok", 1, 2, 1]);
});
