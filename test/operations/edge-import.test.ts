/** Edge cases of imported logs (docs/delta-rules.md §8): what is broken, stale or unusual in `_delta_log`, and timestamps of others. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import type { ImportMode } from "../../lib/operations/import.ts";
import { resolveVersion } from "../../lib/operations/read.ts";
import { importLog, putLog, tableActions } from "../support/foreign-log.ts";
import { addOf, openTestLake, type TestLake } from "../support/lake.ts";
import { deltaData } from "../support/skip.ts";
import { codeOf, livePaths, stateOf } from "../support/table-facts.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

/** Commits 0 to 7, classic checkpoints at 4 and 6, a hint that names 6; written by delta-rs. */
const TRIPS = new URL("../golden/trips/_delta_log/", import.meta.url);
type Files = Map<string, Uint8Array>;

function trips(): Files {
  return new Map(readdirSync(TRIPS).map((name) => [name, readFileSync(new URL(name, TRIPS))]));
}

const text = (content: string) => new TextEncoder().encode(content);
const named = (version: number, suffix: string) => `${String(version).padStart(20, "0")}${suffix}`;
const CHECKPOINT_6 = named(6, ".checkpoint.parquet");

async function put(name: string, files: Files): Promise<string> {
  const location = `file:///lake/${name}`;
  for (const [file, bytes] of files) await lake.store(location).put(`_delta_log/${file}`, bytes);
  return location;
}

/** Imports the altered log in both modes: the head must be that of the log as it was; answers the oldest version kept. */
async function assertSameHead(name: string, alter: (files: Files) => void): Promise<number> {
  const files = trips();
  alter(files);
  const location = await put(name, files);
  const expected = await expectedPaths();
  let oldest = -1;
  for (const mode of ["snapshot", "full-history"] as const) {
    const id = await importLog(lake, `${name}_${mode}`, mode, location);
    const state = await stateOf(lake, id);
    assert.deepEqual([state.version, await livePaths(lake, id)], [7, expected], `${name} ${mode}`);
    const report = await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
    assert.deepEqual([report.outcome, report.drift.files, report.drift.other], ["ok", [], []], `${name} ${mode}`);
    oldest = state.baseVersion;
    await lake.catalog.dropTable(id, { unpublished: "giveUp" }); // the next mode takes the same location
  }
  return oldest;
}

let tripsPaths: string[] | undefined;
async function expectedPaths(): Promise<string[]> {
  if (tripsPaths === undefined) {
    const id = await importLog(lake, "i.trips", "full-history", await put("i.trips", trips()));
    tripsPaths = await livePaths(lake, id);
    assert.ok(tripsPaths.length > 0);
  }
  return tripsPaths;
}

test("edge 55: a log that starts at a checkpoint, without its own commit or with it", async () => {
  const without = (files: Files, last: number) => {
    for (let v = 0; v <= last; v += 1) files.delete(commitFileName(v));
  };
  assert.equal(await assertSameHead("i.from4", (files) => without(files, 3)), 4);
  assert.equal(await assertSameHead("i.after4", (files) => without(files, 4)), 4);
  assert.equal(await assertSameHead("i.from6", (files) => without(files, 5)), 6);
});

test("edge 55: a checkpoint of 0 bytes, one with a part missing, one that is torn: an older start is found", async () => {
  const zero = (name: string) => (files: Files) => files.set(name, text(""));
  assert.equal(await assertSameHead("i.zero", zero(CHECKPOINT_6)), 0);
  assert.equal(await assertSameHead("i.zero_newest", zero(named(7, ".checkpoint.parquet"))), 0);
  const halfOf = (keepClassic: boolean) => (files: Files) => {
    const bytes = files.get(CHECKPOINT_6);
    assert.ok(bytes);
    files.set(named(6, ".checkpoint.0000000001.0000000002.parquet"), bytes);
    if (!keepClassic) files.delete(CHECKPOINT_6);
  };
  assert.equal(await assertSameHead("i.half", halfOf(false)), 0);
  assert.equal(await assertSameHead("i.half_beside", halfOf(true)), 0);
  const torn = trips();
  torn.set(CHECKPOINT_6, (torn.get(CHECKPOINT_6) ?? text("")).slice(0, 9000));
  const id = await importLog(lake, "i.torn", "snapshot", await put("i.torn", torn));
  assert.deepEqual(await livePaths(lake, id), await expectedPaths());
});

test("edge 55: _last_checkpoint missing, empty, torn, stale, or naming a checkpoint that is not there", async () => {
  const hints: readonly (string | undefined)[] = [
    undefined,
    "",
    '{"version":6,"si',
    '{"version":4,"size":20}',
    '{"version":9999,"size":1,"parts":3}',
    '{"version":6,"size":27,"checksum":"00000000000000000000000000000000"}',
    "null",
  ];
  for (const [i, hint] of hints.entries()) {
    const oldest = await assertSameHead(`i.hint${i}`, (files) => {
      if (hint === undefined) files.delete("_last_checkpoint");
      else files.set("_last_checkpoint", text(hint));
    });
    assert.equal(oldest, 0);
  }
});

test("edge 55: a gap before the newest checkpoint costs history; one after it is refused, and nothing is left behind", async () => {
  assert.equal(await assertSameHead("i.gap_before", (files) => files.delete(commitFileName(5))), 6);
  for (const [name, gone] of [
    ["i.gap_after", [commitFileName(5), CHECKPOINT_6]],
    ["i.gap_two", [commitFileName(0), named(4, ".checkpoint.parquet"), CHECKPOINT_6]],
  ] as const) {
    const files = trips();
    for (const file of gone) files.delete(file);
    const location = await put(name, files);
    for (const mode of ["snapshot", "full-history"] satisfies ImportMode[]) {
      assert.equal(await codeOf(importLog(lake, name, mode, location)), "VERSION_GAP");
      assert.equal(await lake.catalog.findTable({ name }, { anyStatus: true }), undefined);
    }
  }
});

test("edge 55: names that are not padded, wrong checksums, compactions and files of other programs change nothing", async () => {
  const wrong = '{"add":{"path":"wrong","partitionValues":{},"size":1,"modificationTime":1,"dataChange":true}}\n';
  const crc =
    '{"tableSizeBytes":1,"numFiles":99,"numMetadata":1,"numProtocol":1,"metadata":{"id":"other"},"protocol":{}}';
  const others: Readonly<Record<string, string>> = {
    "8.json": wrong,
    "0000000000000000008.json": wrong,
    [`${named(8, ".json")}.tmp`]: wrong,
    [`.${named(7, ".json.crc")}`]: "crc",
    [`_commit_${crypto.randomUUID()}.json.tmp`]: wrong,
    [named(7, ".crc")]: crc,
    [named(6, ".crc")]: "{torn",
    [`${named(0, "")}.${named(7, ".compacted.json")}`]: wrong,
    "9.checkpoint.parquet": "PAR1",
  };
  for (const [i, [name, content]] of Object.entries(others).entries()) {
    assert.equal(await assertSameHead(`i.other${i}`, (files) => files.set(name, text(content))), 0, name);
  }
});

/** Where else edge 55 is covered: real tables that test/delta-data imports in both modes, and tests of the reader of logs. */
const COVERED: Readonly<Record<string, { readonly tables: readonly string[]; readonly tests: readonly string[] }>> = {
  "a log that starts at a checkpoint": {
    tables: ["dat__no_replay", "delta-rs__checkpoints_vacuumed", "delta-rs__table-with-domain-metadata"],
    tests: ["delta/log-files: the oldest segment starts as far back as any replay can"],
  },
  "a checkpoint in parts": {
    tables: ["delta-golden__multi-part-checkpoint", "delta-kernel__kernel-pagination-multi-part-checkpoints"],
    tests: ["log/read-checkpoint: a checkpoint in parts is read part after part"],
  },
  "V2 in JSON and Parquet, with sidecars and without": {
    tables: [
      "kernel-rs__v2-checkpoints-json-with-last-checkpoint",
      "kernel-rs__v2-checkpoints-parquet-with-last-checkpoint",
      "kernel-rs__v2-checkpoints-parquet-without-sidecars",
      "trino__databricks133__v2_checkpoint_json",
    ],
    tests: ["log/read-checkpoint: V2 in JSON and in Parquet, with sidecars in their order and without"],
  },
  "a part or a sidecar missing": {
    tables: [],
    tests: [
      "delta/log-files: a multi-part checkpoint with a part missing is passed over",
      "log/read-checkpoint: a sidecar that is missing is named",
    ],
  },
  "a checkpoint of 0 bytes, an empty or corrupt hint": {
    tables: ["delta-golden__corrupted-last-checkpoint-kernel", "delta-rs__with_checkpoint_no_last_checkpoint"],
    tests: ["log/last-checkpoint: a hint that is missing, torn, altered or foreign is no hint, and is replaced"],
  },
  "a gap": {
    tables: ["delta-golden__versions-not-contiguous"],
    tests: ["delta/log-files: a gap that a replay would cross is refused and named; one before its checkpoint is not"],
  },
  "names of other programs": {
    tables: ["kernel-rs__crc-malformed"],
    tests: ["delta/log-files: files are sorted into kinds; unknown names and empty checkpoints are left out"],
  },
  "a compaction": { tables: ["kernel-rs__compacted-log-files-table"], tests: [] },
  "statistics in stats_parsed only, or mixed": {
    tables: [
      "delta-rs__delta-1.2.1-only-struct-stats",
      "kernel-rs__v2-json-sidecars-struct-stats-only",
      "trino__databricks133__parsed_stats_struct",
    ],
    tests: [
      "log/read-checkpoint: statistics that are only in stats_parsed become JSON; where there is JSON, it stays as it is",
    ],
  },
};

test("edge 55: every item has real tables or tests of the log's reader, and they are still there", (t) => {
  for (const [item, { tables, tests }] of Object.entries(COVERED)) {
    assert.ok(tables.length + tests.length > 0, item);
    for (const table of deltaData ? tables : []) assert.ok(existsSync(`${deltaData}/${table}/expected.json`), table);
    for (const place of tests) {
      const [file, ...name] = place.split(": ");
      const source = readFileSync(new URL(`../${file}.test.ts`, import.meta.url), "utf8");
      assert.ok(source.includes(`test("${name.join(": ")}"`), place);
    }
    t.diagnostic(`${item}: ${[...tables, ...tests].join("; ")}`);
  }
});

const DAY_MS = 86_400_000;

async function versionAt(id: string, timestamp: number): Promise<number | string> {
  const resolved = resolveVersion(lake, { tableId: id }, { timestamp });
  return resolved.then(
    ({ version }) => version,
    () => codeOf(resolved),
  );
}

const EARLIER = "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION";

test("edge 56: three commits with the same file time are a millisecond apart, in their order", async () => {
  const at = lake.clock.now() - DAY_MS;
  const location = "file:///lake/i.equal";
  await putLog(lake, location, [
    { actions: tableActions(), modifiedAt: at },
    { actions: [addOf("a")], modifiedAt: at },
    { actions: [addOf("b")], modifiedAt: at },
    { actions: [addOf("c")], modifiedAt: at - 5000 },
  ]);
  const id = await importLog(lake, "i.equal");
  const found = [];
  for (let ms = -1; ms <= 4; ms += 1) found.push(await versionAt(id, at + ms));
  assert.deepEqual(found, [EARLIER, 0, 1, 2, 3, 3]);
});

/** Versions 0 and 1 by file time, 2 and 3 by the in-commit timestamps that 2 turned on. */
async function importEnabledAt2(name: string, start: number, fileTimes: readonly number[]): Promise<string> {
  const [ict2, ict3] = [start + 2000, start + 3000];
  const [, enabling] = tableActions({
    "delta.enableInCommitTimestamps": "true",
    "delta.inCommitTimestampEnablementVersion": "2",
    "delta.inCommitTimestampEnablementTimestamp": String(ict2),
  });
  assert.ok(enabling !== undefined);
  const info = (inCommitTimestamp: number) => ({ commitInfo: { operation: "WRITE", inCommitTimestamp } });
  const commits = [tableActions(), [addOf("a")], [info(ict2), enabling], [info(ict3), addOf("b")]];
  await putLog(
    lake,
    `file:///lake/${name}`,
    commits.map((actions, v) => ({ actions, modifiedAt: fileTimes[v] ?? start })),
  );
  return importLog(lake, name);
}

test("edge 56: over the boundary where in-commit timestamps were turned on", async () => {
  const start = lake.clock.now() - DAY_MS;
  const fileTimes = [0, 1000, 2500, 3900].map((ms) => start + ms);
  const id = await importEnabledAt2("i.boundary", start, fileTimes);
  const expected = { [-1]: EARLIER, 0: 0, 999: 0, 1000: 1, 1999: 1, 2000: 2, 2500: 2, 2999: 2, 3000: 3, 3001: 3 };
  for (const [ms, version] of Object.entries(expected)) {
    assert.equal(await versionAt(id, start + Number(ms)), version, `${ms} ms`);
  }
});

test("edge 56: over that boundary in a copy of the log, whose files are all newer than their commits", async () => {
  const start = lake.clock.now() - DAY_MS;
  for (const [name, copiedAt] of [
    ["i.copy_between", start + 2600],
    ["i.copy_after", start + 3_600_000],
  ] as const) {
    const id = await importEnabledAt2(name, start, [copiedAt, copiedAt, copiedAt, copiedAt]);
    // Times at or after the enablement look at versions with in-commit timestamps only, earlier ones at file times only.
    const expected = { 1999: EARLIER, 2000: 2, 2599: 2, 2600: 2, 2601: 2, 2999: 2, 3000: 3, 3001: 3 };
    for (const [ms, version] of Object.entries(expected)) {
      assert.equal(await versionAt(id, start + Number(ms)), version, `${name} ${ms} ms`);
    }
  }
});
