/** Repair: what is missing from a log comes back as it was, as far as SQL holds it; nothing that is there is touched. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkpointFileName, commitFileName, pickSegment } from "../../lib/delta/files/log-files.ts";
import { unavailable } from "../../lib/errors.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { repairTable } from "../../lib/operations/repair.ts";
import { importLog, putLog, putText, tableActions } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, STRIDE, type TestLake } from "../support/lake.ts";
import { seeded } from "../support/random.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const locationOf = (name: string) => `file:///lake/${name}`;

async function files(name: string): Promise<Map<string, string>> {
  const store = lake.store(locationOf(name));
  const found = new Map<string, string>();
  for await (const { key } of store.list("")) {
    found.set(key.slice("_delta_log/".length), Buffer.from((await store.get(key))?.bytes ?? []).toString("hex"));
  }
  return found;
}

async function remove(name: string, ...names: readonly string[]): Promise<void> {
  const store = lake.store(locationOf(name));
  for (const file of names) {
    const key = `_delta_log/${file}`;
    assert.ok(await store.removeIf(key, (await store.get(key))?.bytes ?? new Uint8Array()), file);
  }
}

const HEAD = 10;

async function newLog(name: string): Promise<string> {
  const id = await newTable(lake, name, { configuration: { "delta.checkpointInterval": "4" } });
  for (let v = 0; v < HEAD; v += 1) {
    await commitTo(lake, id, v, v % 3 === 2 ? [removeOf(`f${v - 1}`), addOf(`f${v}`)] : [addOf(`f${v}`)], {});
  }
  assert.equal((await mirrorTable(lake, id)).error, undefined);
  return id;
}

const isSame = async (id: string) =>
  (await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 0 })).outcome === "ok";

test("whatever is lost of a log that is all ours, it comes back byte by byte", async () => {
  const random = seeded(20261128);
  for (let round = 0; round < 25; round += STRIDE) {
    const name = `r.any${round}`;
    const id = await newLog(name);
    const whole = await files(name);
    // A checkpoint that is not due any more does not come back, and a log without its beginning looks cleaned by retention.
    const stays = [checkpointFileName(4), commitFileName(0)];
    const share = random();
    const lost = [...whole.keys()].filter((file) => !stays.includes(file) && random() < share);
    await remove(name, ...lost);
    const result = await repairTable(lake, { tableId: id });
    assert.deepEqual([result.otherBytes, result.lost, result.removed, result.fault], [[], [], [], undefined]);
    assert.deepEqual(
      [...result.restored].sort(),
      lost
        .filter((file) => /^\d{20}\.json$/.test(file))
        .map((file) => Number.parseInt(file, 10))
        .sort(),
    );
    assert.deepEqual(await files(name), whole, `round ${round}, without ${lost.join(", ")}`);
    assert.equal(await assertTheorem(lake, id), HEAD);
    const again = await repairTable(lake, { tableId: id });
    assert.deepEqual([again.restored, again.checkpoints, again.fault], [[], [], undefined], "nothing is left to do");
    assert.equal(await commitTo(lake, id, HEAD, [addOf("next")]), HEAD + 1);
    assert.deepEqual((await mirrorTable(lake, id)).published, [HEAD + 1]);
  }
});

test("all of it is lost: all of it comes back, but for checkpoints that are not due any more", async () => {
  const id = await newLog("r.all");
  const whole = await files("r.all");
  await remove("r.all", ...whole.keys());
  const { restored, checkpoints, fault } = await repairTable(lake, { tableId: id });
  assert.deepEqual([restored.length, checkpoints, fault], [HEAD + 1, [8], undefined]);
  whole.delete(checkpointFileName(4));
  assert.deepEqual(await files("r.all"), whole);
});

test("what is there with other bytes stays, and is named", async () => {
  const id = await newLog("r.other");
  await remove("r.other", commitFileName(9), commitFileName(10));
  const meanwhile = lake.with({
    store: (store) => ({
      ...store,
      putIfAbsent: async (key, body) => {
        await putText(lake, locationOf("r.other"), commitFileName(9), "theirs");
        return store.putIfAbsent(key, body);
      },
    }),
  });
  const { restored, otherBytes } = await repairTable(meanwhile, { tableId: id });
  assert.deepEqual([restored, otherBytes], [[10], [9]]);
  const bytes = await lake.openLog(locationOf("r.other")).readCommitBytes(9);
  assert.equal(new TextDecoder().decode(bytes), "theirs");
});

test("what retention has cleaned away stays away; a hole above it is filled", async () => {
  const id = await newLog("r.retention");
  await remove("r.retention", ...[0, 1, 2].map(commitFileName), commitFileName(6));
  const { restored, lost } = await repairTable(lake, { tableId: id });
  assert.deepEqual([restored, lost], [[6], []]);
  assert.ok(!(await files("r.retention")).has(commitFileName(2)));
});

for (const mode of ["full-history", "snapshot"] as const) {
  test(`what others have written before the import (${mode}) cannot come back: a checkpoint takes its place`, async () => {
    const name = `r.imported_${mode}`;
    await putLog(lake, locationOf(name), [
      { actions: tableActions({ "delta.checkpointInterval": "1000" }) },
      ...[1, 2, 3].map((v) => ({ actions: [addOf(`theirs${v}`)] })),
    ]);
    const id = await importLog(lake, name, mode);
    for (const v of [3, 4]) await commitTo(lake, id, v, [addOf(`ours${v}`)]);
    await mirrorTable(lake, id);
    const whole = await files(name);
    await remove(name, commitFileName(4));
    assert.deepEqual((await repairTable(lake, { tableId: id })).restored, [4]);
    assert.deepEqual(await files(name), whole);
    await remove(name, ...whole.keys());
    const { restored, checkpoints, lost, fault } = await repairTable(lake, { tableId: id });
    assert.deepEqual([restored, checkpoints, lost, fault], [[4, 5], [3], [0, 1, 2, 3], undefined]);
    const listing = await lake.openLog(locationOf(name)).list();
    assert.equal(pickSegment(listing).version, 5);
    assert.ok(await isSame(id));
    const again = await repairTable(lake, { tableId: id });
    assert.deepEqual([again.restored, again.checkpoints, again.fault], [[], [], undefined]);
    assert.equal(await commitTo(lake, id, 5, [addOf("next")]), 6);
    assert.deepEqual((await mirrorTable(lake, id)).published, [6]);
    assert.ok(await isSame(id));
  });
}

test("one file of theirs is lost in the midst: readers get a checkpoint beyond it, and all that stands stays", async () => {
  const name = "r.theirs";
  await putLog(lake, locationOf(name), [
    { actions: tableActions({ "delta.checkpointInterval": "1000" }) },
    ...[1, 2, 3].map((v) => ({ actions: [addOf(`theirs${v}`)] })),
  ]);
  const id = await importLog(lake, name);
  await commitTo(lake, id, 3, [addOf("ours")]);
  await mirrorTable(lake, id);
  const whole = await files(name);
  await remove(name, commitFileName(2));
  const { restored, checkpoints, lost, fault } = await repairTable(lake, { tableId: id });
  assert.deepEqual([restored, checkpoints, lost, fault], [[], [2], [2], undefined]);
  const now = await files(name);
  for (const [file, bytes] of whole) assert.equal(now.get(file), file === commitFileName(2) ? undefined : bytes);
  assert.ok(await isSame(id));
});

test("a version of ours that was put, not marked, and lost again below a later one comes back", async () => {
  const id = await newTable(lake, "r.unmarked");
  for (const v of [0, 1, 2]) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const forgetful = Object.assign(Object.create(lake.catalog), {
    markPublished: () => Promise.reject(unavailable("the database is away")),
  });
  await assert.rejects(mirrorTable(lake.with({ catalog: forgetful }), id));
  await remove("r.unmarked", commitFileName(1), commitFileName(2));
  assert.equal((await mirrorTable(lake, id)).error?.code, "LOG_AHEAD");
  const { restored, fault } = await repairTable(lake, { tableId: id });
  assert.deepEqual([restored, fault], [[1, 2], undefined]);
  assert.deepEqual((await mirrorTable(lake, id)).published, [0, 1, 2, 3]);
  assert.equal(await assertTheorem(lake, id), 3);
});

test("a foreign file beyond the head is not ours to take away: it is named", async () => {
  const id = await newLog("r.beyond");
  await putText(lake, locationOf("r.beyond"), commitFileName(11), "{}");
  const { restored, fault } = await repairTable(lake, { tableId: id });
  assert.deepEqual(restored, []);
  assert.match(fault ?? "", /00000000000000000011\.json/);
  assert.ok((await files("r.beyond")).has(commitFileName(11)));
});
