/** What is assigned under the lock (ARCHITECTURE.md D4): timestamps that grow and agree over tables, and when in-commit timestamps began. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { unavailable } from "../../lib/errors.ts";
import { commit } from "../../lib/operations/commit.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { resolveVersion } from "../../lib/operations/read.ts";
import { importAhead } from "../support/foreign-log.ts";
import { addOf, commitTo, newTable, openTestLake, outcomeOf, request, type TestLake } from "../support/lake.ts";
import { codeOf, commitOf, publishedLines, stateOf } from "../support/table-facts.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const HOUR_MS = 3_600_000;
const VERSION = "delta.inCommitTimestampEnablementVersion";
const TIMESTAMP = "delta.inCommitTimestampEnablementTimestamp";
const ENABLED = "delta.enableInCommitTimestamps";

async function timestamps(id: string): Promise<number[]> {
  const { items } = await lake.catalog.history(id, { limit: 1000 });
  return items.map((item) => item.timestamp).reverse();
}

/** The published commitInfo comes first and carries the timestamp that SQL has. */
async function assertPublishedTimes(id: string): Promise<void> {
  assert.equal((await mirrorTable(lake, id)).error, undefined);
  const { items } = await lake.catalog.history(id, { limit: 1000 });
  for (const { version, timestamp, inCommitTimestamp } of items) {
    assert.equal(inCommitTimestamp, timestamp);
    const [first] = await publishedLines(lake, id, version);
    assert.equal(JSON.parse(first ?? "{}").commitInfo?.inCommitTimestamp, timestamp, `version ${version}`);
  }
}

test("edge 43: the clock goes back an hour: each timestamp is the one before + 1, however many commits fall into one ms", async () => {
  // PostgreSQL has a clock of its own: a table that is an hour ahead of every clock is the same case on all engines.
  const { tableId, timestamp } = await importAhead(lake, "t.back", HOUR_MS);
  for (let v = 0; v < 5; v += 1) await commitTo(lake, tableId, v, [addOf(`f${v}`)]);
  assert.deepEqual(
    await timestamps(tableId),
    [0, 1, 2, 3, 4, 5].map((n) => timestamp + n),
  );
  lake.clock.time += HOUR_MS / 2;
  await commitTo(lake, tableId, 5, [addOf("f5")]);
  lake.clock.time -= HOUR_MS;
  await commitTo(lake, tableId, 6, [addOf("f6")]);
  lake.clock.time += HOUR_MS / 2;
  assert.deepEqual((await timestamps(tableId)).slice(-2), [timestamp + 6, timestamp + 7]);
  await assertPublishedTimes(tableId);
});

test("edge 43: the clock steps back between commits of a table of our own: timestamps strictly grow", async () => {
  const id = await newTable(lake, "t.steps");
  for (const [v, step] of [1000, -HOUR_MS, 0, 0, HOUR_MS, -HOUR_MS].entries()) {
    lake.clock.time += step;
    assert.equal(await commitTo(lake, id, v, [addOf(`f${v}`)]), v + 1);
  }
  lake.clock.time += HOUR_MS - 1000;
  await assertHistory(lake, id);
  await assertPublishedTimes(id);
  assert.equal(await assertTheorem(lake, id), 6);
});

test("edge 43: tables that are ahead by different amounts get one timestamp in a transaction: above all of them", async () => {
  const a = await importAhead(lake, "t.ahead_a", HOUR_MS);
  const b = await importAhead(lake, "t.ahead_b", 2 * HOUR_MS);
  const c = await newTable(lake, "t.ahead_c");
  const result = await commit(
    lake,
    request(...[a.tableId, b.tableId, c].map((tableId) => ({ tableId, readVersion: 0, actions: [addOf("f")] }))),
  );
  assert.ok(result.status === "committed");
  assert.equal(result.committedAt, b.timestamp + 1);
  assert.deepEqual(new Set(result.tables.map((t) => t.inCommitTimestamp)), new Set([b.timestamp + 1]));
  // The tables that were pulled ahead stay there; nobody else is.
  assert.equal(await commitTo(lake, c, 1, [addOf("g")]), 2);
  assert.equal((await stateOf(lake, c)).timestamp, b.timestamp + 2);
  for (const tableId of [a.tableId, b.tableId, c]) {
    assert.ok((await timestamps(tableId)).includes(b.timestamp + 1));
    await assertPublishedTimes(tableId);
  }
});

test("sixteen writers over three tables at once: timestamps strictly grow, and are equal across each transaction", async () => {
  const tables = [
    (await importAhead(lake, "t.busy0", HOUR_MS)).tableId,
    await newTable(lake, "t.busy1"),
    await newTable(lake, "t.busy2"),
  ];
  const results = await Promise.all(
    Array.from({ length: 16 }, (_, i) => {
      const mine = tables.filter((_, t) => t !== i % 4); // all three, or two of them
      if (i % 2) mine.reverse();
      return commit(lake, request(...mine.map((tableId) => ({ tableId, readVersion: 0, actions: [addOf(`f${i}`)] }))));
    }),
  );
  const byTable = new Map<string, [version: number, timestamp: number][]>(tables.map((id) => [id, []]));
  for (const result of results) {
    assert.ok(result.status === "committed");
    for (const { tableId, version, inCommitTimestamp } of result.tables) {
      assert.equal(inCommitTimestamp, result.committedAt);
      byTable.get(tableId)?.push([version, inCommitTimestamp]);
    }
  }
  for (const [id, told] of byTable) {
    told.sort(([x], [y]) => x - y);
    assert.deepEqual(
      told.map(([version]) => version),
      told.map((_, i) => i + 1),
    );
    assert.deepEqual(
      (await timestamps(id)).slice(1),
      told.map(([, timestamp]) => timestamp),
      "as the writers were told",
    );
    await assertHistory(lake, id);
    await assertPublishedTimes(id);
  }
});

test("edge 44: in-commit timestamps turned on at 4, rebased over a winner to 5, say 5 and the timestamp of 5", async () => {
  const id = await newTable(lake, "t.later", { configuration: { [ENABLED]: "false" } });
  for (let v = 0; v < 3; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const { metadata } = await stateOf(lake, id);
  assert.equal(await commitTo(lake, id, 3, [addOf("winner")]), 4);
  // As a Delta writer plans it for version 4.
  const configuration = { ...metadata.configuration, [ENABLED]: "true", [VERSION]: "4", [TIMESTAMP]: "1234567890123" };
  const turnOn = request({
    tableId: id,
    readVersion: 3,
    actions: [{ metaData: { ...metadata, configuration } }],
    reads: {},
  });
  assert.equal(outcomeOf(await commit(lake, turnOn)), 5);
  const enabling = await commitOf(lake, id, 5);
  assert.equal(enabling.inCommitTimestamp, enabling.timestamp);
  const stored = (await stateOf(lake, id)).metadata.configuration;
  assert.deepEqual([stored[VERSION], stored[TIMESTAMP]], ["5", String(enabling.timestamp)]);
  assert.equal(await commitTo(lake, id, 4, [addOf("late")]), "DELTA_METADATA_CHANGED");
  assert.equal(await commitTo(lake, id, 5, [addOf("next")]), 6);
  assert.equal((await mirrorTable(lake, id)).error, undefined);
  for (let v = 0; v <= 6; v += 1) {
    const [first] = await publishedLines(lake, id, v);
    const { timestamp } = await commitOf(lake, id, v);
    assert.equal(JSON.parse(first ?? "{}").commitInfo.inCommitTimestamp, v < 5 ? undefined : timestamp);
    assert.equal((await resolveVersion(lake, { tableId: id }, { timestamp })).version, v, "time travel");
  }
  const published = (await publishedLines(lake, id, 5))
    .map((line) => JSON.parse(line))
    .find((line) => "metaData" in line);
  assert.deepEqual(
    [published.metaData.configuration[VERSION], published.metaData.configuration[TIMESTAMP]],
    ["5", String(enabling.timestamp)],
  );
  assert.equal(await assertTheorem(lake, id), 6);
  await assertHistory(lake, id);
});

test("edge 44: turned on while the mirror is behind: the log is brought up to date first, and its newest file is older", async () => {
  const id = await newTable(lake, "t.behind", { configuration: { [ENABLED]: "false" } });
  for (let v = 0; v < 3; v += 1) await commitTo(lake, id, v, [addOf(`f${v}`)]);
  const { metadata, location } = await stateOf(lake, id);
  const turnOn = { metaData: { ...metadata, configuration: { ...metadata.configuration, [ENABLED]: "true" } } };
  const away = lake.with({
    store: (store) => ({ ...store, putIfAbsent: () => Promise.reject(unavailable("S3 is away")) }),
  });
  assert.equal(await codeOf(commitTo(away, id, 3, [turnOn], {})), "MIRROR_BEHIND");
  assert.equal((await stateOf(lake, id)).version, 3, "nothing was written");
  // Not ahead of PostgreSQL's clock.
  lake.clock.time = Date.now() - 1000;
  assert.equal(await commitTo(lake, id, 3, [turnOn], {}), 4);
  const before = (await lake.openLog(location).list()).commits.find((file) => file.version === 3);
  assert.ok(before, "version 3 was published before version 4 was committed");
  assert.ok((await commitOf(lake, id, 4)).timestamp > before.modifiedAt);
  await mirrorTable(lake, id);
  assert.equal(await assertTheorem(lake, id), 4);
});

test("edge 44: turned on in the midst of sixteen appends, it names the version that it became", async () => {
  const id = await newTable(lake, "t.midst", { configuration: { [ENABLED]: "false" } });
  const { metadata } = await stateOf(lake, id);
  const turnOn = { metaData: { ...metadata, configuration: { ...metadata.configuration, [ENABLED]: "true" } } };
  const outcomes = await Promise.all(
    Array.from({ length: 17 }, (_, i) =>
      i === 8 ? commitTo(lake, id, 0, [turnOn], {}) : commitTo(lake, id, 0, [addOf(`f${i}`)]),
    ),
  );
  const version = outcomes[8];
  assert.ok(typeof version === "number", String(version));
  const { timestamp } = await commitOf(lake, id, version);
  const { configuration } = (await stateOf(lake, id)).metadata;
  assert.deepEqual([configuration[VERSION], configuration[TIMESTAMP]], [String(version), String(timestamp)]);
  assert.ok(outcomes.every((o, i) => typeof o === "number" || (i !== 8 && o === "DELTA_METADATA_CHANGED")));
  await mirrorTable(lake, id);
  assert.equal(await assertTheorem(lake, id), (await stateOf(lake, id)).version);
  await assertHistory(lake, id);
});
