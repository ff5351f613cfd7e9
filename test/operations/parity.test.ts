/** Scheduled parity: nothing is read twice without need, nothing that differs is missed, and what was found is recorded. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import type { Catalog, ObjectStore } from "../../lib/ports.ts";
import { putText } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, pass, removeOf, type TestLake } from "../support/lake.ts";
import { stateOf } from "../support/table-facts.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const THRESHOLDS = { lagThresholdSeconds: 5, maxDriftFiles: 0 };

/** A check, and the files of the log that it read. */
async function check(
  tableId: string,
  more: { readonly wholeAfterMs?: number; readonly maxDriftFiles?: number; readonly lagThresholdSeconds?: number } = {},
) {
  const read: string[] = [];
  const watched = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: (key) => {
      read.push(key.replace("_delta_log/", ""));
      return store.get(key);
    },
    getRange: (key, start, end) => {
      read.push(key.replace("_delta_log/", ""));
      return store.getRange(key, start, end);
    },
  });
  lake.clock.time += 1000;
  const report = await checkParity(lake.with({ store: watched }), { tableId, ...THRESHOLDS, ...more });
  return { report, read: new Set(read) };
}

/** A commit as it is in the log. */
async function commitText(location: string, version: number): Promise<string> {
  return new TextDecoder().decode((await lake.store(location).get(`_delta_log/${commitFileName(version)}`))?.bytes);
}

async function mirroredTable(name: string, versions: number): Promise<string> {
  const id = await newTable(lake, name);
  for (let v = 0; v < versions; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  await mirrorTable(lake, id);
  return id;
}

test("the first check reads all; the next reads nothing; after a commit only that is read", async () => {
  const id = await mirroredTable("p.grows", 3);
  const first = await check(id);
  assert.equal(first.report.outcome, "ok");
  assert.ok([0, 1, 2, 3].every((v) => first.read.has(commitFileName(v))));
  const second = await check(id);
  assert.equal(second.report.outcome, "ok");
  assert.deepEqual([...second.read], []);
  await commitTo(lake, id, 3, [addOf("f3")]);
  await mirrorTable(lake, id);
  const third = await check(id);
  assert.deepEqual([third.report.outcome, third.report.comparedVersion], ["ok", 4]);
  assert.deepEqual([...third.read], [commitFileName(4)]);
  const record = await lake.catalog.readParity(id);
  assert.deepEqual([record?.outcome, record?.version, record?.report], ["ok", 4, undefined]);
  assert.equal(record?.comparedAt, first.report.checkedAt);
});

test("an old commit that somebody changes is found by its size or time; the record tells what differs", async () => {
  const id = await mirroredTable("p.changed", 3);
  const { location } = await stateOf(lake, id);
  await check(id);
  const before = await commitText(location, 1);
  await putText(lake, location, commitFileName(1), before.replace('"size":100', '"size":999'));
  const found = await check(id);
  assert.deepEqual([found.report.outcome, found.report.drift.fileCount], ["drift", 1]);
  const record = await lake.catalog.readParity(id);
  assert.equal(record?.outcome, "drift");
  assert.match(record?.report ?? "", /f0/);
  await putText(lake, location, commitFileName(1), before);
  assert.equal((await check(id)).report.outcome, "ok", "after drift all is compared again");
});

test("a new commit that is not SQL's is explained by a whole comparison", async () => {
  const id = await mirroredTable("p.new", 2);
  const { location } = await stateOf(lake, id);
  await check(id);
  await commitTo(lake, id, 2, [addOf("ours")]);
  await putText(lake, location, commitFileName(3), '{"commitInfo":{}}\n');
  const { report } = await check(id);
  assert.equal(report.outcome, "drift");
  assert.ok(report.drift.files.some((file) => file.path === "ours" && file.kind === "missing"));
});

test("lag is lag, also between two whole comparisons", async () => {
  const id = await mirroredTable("p.late", 1);
  await check(id);
  await commitTo(lake, id, 1, [addOf("late")]);
  await pass(lake, 20);
  const { report } = await check(id, { lagThresholdSeconds: 0.01 });
  assert.deepEqual([report.outcome, report.versionDelta], ["lag", 1]);
});

test("now and then everything is compared again", async () => {
  const id = await mirroredTable("p.whole", 2);
  await check(id);
  assert.equal((await check(id)).read.size, 0);
  const whole = await check(id, { wholeAfterMs: 0 });
  assert.ok(whole.read.has(commitFileName(0)));
});

test("a new checkpoint is read, and so are differences that are tolerated", async () => {
  const id = await mirroredTable("p.checkpoint", 2);
  await check(id);
  for (let v = 2; v < 11; v += 1) await commitTo(lake, id, v, [addOf(`c${v}`)]);
  await mirrorTable(lake, id);
  const { report, read } = await check(id);
  assert.equal(report.outcome, "ok");
  assert.ok(
    [...read].some((name) => name.includes(".checkpoint.")),
    "the new checkpoint is compared with SQL",
  );
  assert.ok(!read.has(commitFileName(1)), "commits that were compared are not read again");
  assert.equal((await check(id)).read.size, 0);

  const { location } = await stateOf(lake, id);
  const before = await commitText(location, 11);
  await putText(lake, location, commitFileName(11), before.replace('"size":100', '"size":999'));
  for (let times = 0; times < 2; times += 1) {
    const tolerated = await check(id, { maxDriftFiles: 1 });
    assert.deepEqual([tolerated.report.outcome, tolerated.report.drift.fileCount], ["ok", 1]);
  }
});

test("a log that has nothing yet is no start to go on from", async () => {
  const id = await newTable(lake, "p.unpublished");
  assert.equal((await check(id)).report.comparedVersion, undefined);
  assert.equal((await lake.catalog.readParity(id))?.version, -1);
  await mirrorTable(lake, id);
  const { report, read } = await check(id);
  assert.deepEqual([report.outcome, report.comparedVersion, [...read]], ["ok", 0, [commitFileName(0)]]);
  assert.equal((await lake.catalog.readParity(id))?.comparedAt, report.checkedAt, "compared as a whole");
});

/** Counts the pages of files that are read from SQL. */
function countingFiles(): { readonly catalog: Catalog; pages: number } {
  const counted = {
    pages: 0,
    catalog: {
      ...lake.catalog,
      readFiles: (...args: Parameters<Catalog["readFiles"]>) => {
        counted.pages += 1;
        return lake.catalog.readFiles(...args);
      },
    },
  };
  return counted;
}

const BY_FINGERPRINT = { ...THRESHOLDS, fieldsUpTo: { whole: 0, checkpoint: 0 } };

test("many files are compared by their fingerprint, without SQL's rows; a file that differs is explained all the same", async () => {
  const id = await newTable(lake, "p.fingerprint", { configuration: { "delta.checkpointInterval": "5" } });
  await commitTo(lake, id, 0, [addOf("a"), addOf("b"), { txn: { appId: "app", version: 1 } }]);
  await commitTo(lake, id, 1, [removeOf("a"), addOf("c", { stats: '{"numRecords":1}' })], { wholeTable: true });
  await mirrorTable(lake, id);
  const counted = countingFiles();
  const watched = lake.with({ catalog: counted.catalog });
  const whole = await checkParity(watched, { tableId: id, ...BY_FINGERPRINT });
  assert.deepEqual(
    [whole.outcome, whole.notes, counted.pages],
    ["ok", ["2 files were compared by their fingerprint"], 0],
  );

  for (let v = 2; v < 6; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  await mirrorTable(lake, id);
  const checkpoint = await checkParity(watched, { tableId: id, ...BY_FINGERPRINT });
  assert.deepEqual([checkpoint.outcome, checkpoint.comparedVersion, counted.pages], ["ok", 6, 0]);
  assert.deepEqual(checkpoint.notes, ["6 files were compared by their fingerprint"]);

  const { location } = await stateOf(lake, id);
  const text = await commitText(location, 6);
  for (const [sql, log] of [
    ['"size":100', '"size":999'],
    ['"path":"f5"', '"path":"g5"'],
  ] as const) {
    lake.clock.time += 1000;
    await putText(lake, location, commitFileName(6), text.replace(sql, log));
    const drifted = await checkParity(watched, { tableId: id, ...BY_FINGERPRINT });
    assert.equal(drifted.outcome, "drift");
    assert.ok(drifted.drift.files.some((file) => file.path === "f5"));
  }
  assert.ok(counted.pages > 0);
});

test("beside the fingerprint, metadata, protocol, txns and domains are compared", async () => {
  const id = await mirroredTable("p.headers", 1);
  const { location } = await stateOf(lake, id);
  const more = [
    '{"txn":{"appId":"x","version":1}}',
    '{"domainMetadata":{"domain":"d","configuration":"","removed":false}}',
  ];
  await putText(lake, location, commitFileName(1), `${await commitText(location, 1)}${more.join("\n")}\n`);
  const { outcome, drift, notes } = await checkParity(lake, { tableId: id, ...BY_FINGERPRINT });
  assert.equal(outcome, "drift");
  assert.deepEqual(
    drift.other.map((o) => o.field).filter((field) => !field.startsWith("1.json")),
    ["txn.x", "domainMetadata.d"],
  );
  assert.ok(notes.includes("1 files were compared by their fingerprint"), String(notes));
});
