/** The log under the mirror changes: files are lost, or stand where none belongs. Nothing is published into a gap, and it is said. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkpointFileName, commitFileName, pickSegment } from "../../lib/delta/files/log-files.ts";
import { unavailable } from "../../lib/errors.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { checkParity } from "../../lib/operations/parity.ts";
import { checkLog } from "../../lib/operations/publishing/check-log.ts";
import { findHead } from "../../lib/operations/read.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { importLog, putLog, putText, tableActions } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, type TestLake } from "../support/lake.ts";
import { assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const key = (name: string) => `_delta_log/${name}`;
const locationOf = (name: string) => `file:///lake/${name}`;

/** A table whose versions up to `published` are in its log, with checkpoints at multiples of the interval. */
async function tableAt(name: string, published: number, interval = 4): Promise<string> {
  const id = await newTable(lake, name, { configuration: { "delta.checkpointInterval": String(interval) } });
  await mirrorTable(lake, id);
  for (let v = 0; v < published; v += 1) {
    await commitTo(lake, id, v, [addOf(`f${v}`)]);
    await mirrorTable(lake, id);
  }
  return id;
}

async function remove(name: string, file: string): Promise<Uint8Array> {
  const store = lake.store(locationOf(name));
  const found = await store.get(key(file));
  assert.ok(found, file);
  await store.removeIf(key(file), found.bytes);
  return found.bytes;
}

async function namesIn(name: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of lake.store(locationOf(name)).list("")) names.push(key);
  return names;
}

/** What the mirror says of the oldest unpublished version. */
async function openStatus(id: string) {
  const [open] = await lake.catalog.unpublished(id, 1);
  return [open?.status, open?.errorCode];
}

test("whichever file of the log is lost: the next version waits exactly while readers could not read the one before it", async () => {
  const published = 9;
  const lost = [0, 1, 4, 5, 7, 8, 9].map((version) => ({ name: `g.lost${version}`, version }));
  for (const { name, version } of lost) {
    const id = await tableAt(name, published);
    const bytes = await remove(name, commitFileName(version));
    await commitTo(lake, id, published, [addOf("next")]);
    const isReadable = version <= 8; // readers begin with checkpoint 8
    const before = await namesIn(name);
    const { published: now, error, quarantined } = await mirrorTable(lake, id);
    assert.deepEqual([now, quarantined], [isReadable ? [10] : [], undefined], name);
    if (isReadable) continue;
    assert.equal(error?.code, "LOG_FILE_MISSING");
    assert.deepEqual(await openStatus(id), ["FAILED", "LOG_FILE_MISSING"]);
    assert.deepEqual(await namesIn(name), before, "nothing was written");
    await putText(lake, locationOf(name), commitFileName(version), new TextDecoder().decode(bytes));
    assert.deepEqual((await mirrorTable(lake, id)).published, [10]);
    assert.equal(await assertTheorem(lake, id), 10);
    assert.equal((await lake.catalog.mirrorStatuses(id, { after: 9, limit: 1 })).items[0]?.errorCode, undefined);
  }
});

test("with a checkpoint lost as well, the commits between the one before it and the head are missed, too", async () => {
  for (const version of [3, 5, 8]) {
    const name = `g.checkpoint${version}`;
    const id = await tableAt(name, 9);
    await remove(name, checkpointFileName(8));
    await remove(name, commitFileName(version));
    await commitTo(lake, id, 9, [addOf("next")]);
    const { published } = await mirrorTable(lake, id);
    assert.deepEqual(published, version <= 4 ? [10] : [], `without ${version}`);
    const listing = await lake.openLog(locationOf(name)).list();
    if (version > 4) assert.throws(() => pickSegment(listing, { version: 9 }), { code: "VERSION_GAP" });
  }
});

test("a log that is gone, all of it, is not begun anew in the middle", async () => {
  for (const published of [0, 3, 9]) {
    const name = `g.gone${published}`;
    const id = await tableAt(name, published);
    for (const file of await namesIn(name)) await remove(name, file.slice("_delta_log/".length));
    await commitTo(lake, id, published, [addOf("next")]);
    const { published: now, error } = await mirrorTable(lake, id);
    assert.deepEqual([now, error?.code], [[], "LOG_GONE"]);
    assert.deepEqual(await openStatus(id), ["FAILED", "LOG_GONE"]);
    assert.deepEqual(await namesIn(name), []);
  }
});

test("nothing is published below what stands in the log already, of whatever kind", async () => {
  const later = [
    commitFileName(4),
    commitFileName(7),
    checkpointFileName(3),
    checkpointFileName(9),
    "00000000000000000005.checkpoint.0000000001.0000000002.parquet",
    "00000000000000000004.checkpoint.3a321dcf-0928-4ea8-834a-1bd47d9cd5da.json",
    "00000000000000000003.crc",
    "00000000000000000002.00000000000000000006.compacted.json",
  ];
  for (const [i, file] of later.entries()) {
    const name = `g.ahead${i}`;
    const id = await tableAt(name, 2, 100);
    await putText(lake, locationOf(name), file, "{}");
    await commitTo(lake, id, 2, [addOf("next")]);
    const { published, error, quarantined } = await mirrorTable(lake, id);
    assert.deepEqual([published, error?.code, quarantined], [[], "LOG_AHEAD", undefined], file);
    assert.match(error?.message ?? "", new RegExp(`holds ${file.replaceAll(".", "\\.")}, though version 3 `));
    assert.deepEqual(await openStatus(id), ["FAILED", "LOG_AHEAD"]);
    await remove(name, file);
    assert.deepEqual((await mirrorTable(lake, id)).published, [3], `after ${file} was moved away`);
    assert.equal(await assertTheorem(lake, id), 3);
  }
});

test("a version of ours that was put and is lost again is not put below the later ones", async () => {
  const id = await newTable(lake, "g.unmarked");
  for (const v of [0, 1, 2]) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const forgetful = Object.assign(Object.create(lake.catalog), {
    markPublished: () => Promise.reject(unavailable("the database is away")),
  });
  await assert.rejects(mirrorTable(lake.with({ catalog: forgetful }), id));
  await remove("g.unmarked", commitFileName(1));
  const { published, error } = await mirrorTable(lake, id);
  assert.deepEqual([published, error?.code], [[], "LOG_AHEAD"]);
});

test("what retention cleans away below a checkpoint is not missed, nor what an import never had", async () => {
  const id = await tableAt("g.retention", 9);
  for (const version of [0, 1, 2, 3, 4, 5, 6, 7]) await remove("g.retention", commitFileName(version));
  await remove("g.retention", checkpointFileName(4));
  await commitTo(lake, id, 9, [addOf("next")]);
  assert.deepEqual((await mirrorTable(lake, id)).published, [10]);
  assert.equal(await checkLog(lake, await findHead(lake, { tableId: id })), undefined);
  await putLog(lake, locationOf("g.imported"), [
    { actions: tableActions({ "delta.checkpointInterval": "1000" }) },
    ...[1, 2, 3].map((v) => ({ actions: [addOf(`theirs${v}`)] })),
  ]);
  const imported = await importLog(lake, "g.imported");
  await commitTo(lake, imported, 3, [addOf("ours")]);
  assert.deepEqual((await mirrorTable(lake, imported)).published, [4]);
});

test("nothing is unpublished, and the log is damaged: a look at it says so, and writes it down until it is mended", async () => {
  const id = await tableAt("g.look", 9);
  const look = async () => (await checkLog(lake, await findHead(lake, { tableId: id })))?.code;
  const noted = async () => (await lake.catalog.mirrorStatuses(id, { after: 8, limit: 1 })).items[0]?.errorCode;
  assert.deepEqual([await look(), await noted()], [undefined, undefined]);
  const bytes = await remove("g.look", commitFileName(9));
  assert.deepEqual([await look(), await noted()], ["LOG_FILE_MISSING", "LOG_FILE_MISSING"]);
  await putText(lake, locationOf("g.look"), commitFileName(9), new TextDecoder().decode(bytes));
  assert.deepEqual([await look(), await noted()], [undefined, undefined]);
  await putText(lake, locationOf("g.look"), commitFileName(10), "{}");
  assert.deepEqual([await look(), await noted()], ["LOG_AHEAD", "LOG_AHEAD"]);
  await remove("g.look", commitFileName(10));
  await remove("g.look", commitFileName(9));
  await checkParity(lake, { tableId: id, lagThresholdSeconds: 5, maxDriftFiles: 0 });
  assert.equal(await noted(), "LOG_FILE_MISSING", "the scheduled check looks, too");
});

/** The lake with a store that counts its listings, and may show them as a folder does while another worker writes. */
function watched(show: (name: string) => boolean = () => true) {
  const lists: (string | undefined)[] = [];
  const server = lake.with({
    store: (store): ObjectStore => ({
      ...store,
      async *list(prefix, options) {
        lists.push(options?.startAfter);
        for await (const info of store.list(prefix, options)) if (show(info.key)) yield info;
      },
    }),
  });
  return { lists, server };
}

test("the look costs one listing a batch, from the newest checkpoint on", async () => {
  const id = await tableAt("g.cost", 9);
  for (const v of [9, 10, 11]) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const { lists, server } = watched();
  assert.deepEqual((await mirrorTable(server, id)).published, [10, 11, 12]);
  assert.deepEqual(lists, ["_delta_log/00000000000000000008"]);
});

test("a listing that misses a file, as that of a folder may, stops nobody", async () => {
  const id = await tableAt("g.torn", 6);
  await commitTo(lake, id, 6, [addOf("next")]);
  let shown = 0;
  const { server } = watched((name) => name !== key(commitFileName(6)) || shown++ > 0);
  assert.deepEqual((await mirrorTable(server, id)).published, [7]);
  assert.equal(await assertTheorem(lake, id), 7);
  for (const v of [7, 8, 9]) await commitTo(lake, id, v, [addOf(`g${v}`)]);
  const half = watched((name) => name !== key(commitFileName(8)));
  const twin = half.server.with({
    catalog: Object.assign(Object.create(lake.catalog), {
      readBacklog: async (...args: Parameters<typeof lake.catalog.readBacklog>) => {
        const backlog = await lake.catalog.readBacklog(...args);
        await mirrorTable(lake, id);
        return backlog;
      },
    }),
  });
  assert.deepEqual((await mirrorTable(twin, id)).published, [8, 9, 10]);
});

test("a log that cannot be listed fails the attempt, and nothing else", async () => {
  const id = await tableAt("g.list", 1);
  await commitTo(lake, id, 1, [addOf("next")]);
  const away = lake.with({
    store: (store): ObjectStore => ({
      ...store,
      // biome-ignore lint/correctness/useYield: it fails before it has anything to give
      async *list() {
        throw unavailable("S3 is away");
      },
    }),
  });
  const { published, error } = await mirrorTable(away, id);
  assert.deepEqual([published, error?.message], [[], "S3 is away"]);
  assert.deepEqual(await openStatus(id), ["IN_FLIGHT", "UNAVAILABLE"]);
});

test("what was published and cleaned away is known again by a database that forgot it, where a commit proves it", async () => {
  for (const { name, proven, from } of [
    { name: "g.forgot", proven: true, from: 0 },
    { name: "g.other", proven: false, from: 0 },
    // What is below is still there.
    { name: "g.between", proven: true, from: 3 },
  ]) {
    const id = await tableAt(name, 2);
    for (let v = 2; v < 9; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
    // It knows of versions 5 to 9, as after a recovery, and of 3 and 4 no more.
    const markPublished: typeof lake.catalog.markPublished = (tableId, versions, at) =>
      lake.catalog.markPublished(
        tableId,
        versions.filter((version) => version > 4),
        at,
      );
    const forgetful = lake.with({ catalog: { ...lake.catalog, markPublished } });
    assert.equal((await mirrorTable(forgetful, id)).checkpoints.at(-1), 8);
    for (let v = from; v < 8; v += 1) await remove(name, commitFileName(v));
    if (!proven) {
      const bytes = await remove(name, commitFileName(8));
      await lake.store(locationOf(name)).put(key(commitFileName(8)), bytes.slice(0, -1));
    }
    const { published, error } = await mirrorTable(lake, id);
    assert.deepEqual([published, error?.code], proven ? [[3, 4], undefined] : [[], "LOG_FILE_MISSING"]);
    assert.equal(
      (await namesIn(name)).filter((file) => /\d\.json$/.test(file)).length,
      2 + from,
      "nothing is put below",
    );
    assert.equal(await lake.catalog.mirroredVersion(id), proven ? 9 : 2);
  }
});
