/** Replays the logs of 256 real tables of other projects (delta-data, beside this repository) and compares with what is expected of each. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { type AddFile, deletionVectorId } from "../../lib/delta/actions.ts";
import { type LogListing, type LogSegment, pickOldestSegment, pickSegment } from "../../lib/delta/files/log-files.ts";
import { LogReplay } from "../../lib/delta/replay.ts";
import { addInt64, type Int64, isInt64 } from "../../lib/delta/values/int64.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import type { DeltaLog } from "../../lib/ports.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { deltaData, needsDeltaData } from "../support/skip.ts";

const DATA = deltaData ?? "";

interface Expected {
  readonly expect: "ok" | "error" | "choice";
  readonly error?: { readonly class: string };
  readonly head: JsonObject;
  readonly latestVersion: number;
  readonly startedFrom: string;
  readonly perVersion: Readonly<Record<string, readonly [number, Int64]>>;
  readonly canonicalNumFiles?: number;
  readonly features?: readonly string[];
}

/** Errors that the replay itself cannot see: the protocol is checked by the planner and the import. */
const CHECKED_ELSEWHERE = new Set(["UNSUPPORTED_READER_PROTOCOL"]);

const tables = deltaData
  ? readdirSync(DATA, { withFileTypes: true }).filter((entry) => existsSync(join(DATA, entry.name, "expected.json")))
  : [];
let agreed = 0;

if (tables.length === 0) {
  test("delta-data", needsDeltaData("replay of real tables"), () => undefined);
}
for (const { name } of tables) {
  test(`delta-data: ${name}`, async () => {
    await checkTable(name);
    agreed += 1;
  });
}
after(() => {
  if (tables.length > 0) console.log(`delta-data: ${agreed} of ${tables.length} tables agree with expected.json`);
});

async function checkTable(name: string): Promise<void> {
  const folder = join(DATA, name);
  const expected = parseJson(readFileSync(join(folder, "expected.json"), "utf8")) as unknown as Expected;
  const log = openDeltaLog(openFileStore(join(folder, "table")), name);
  const wantedError = expected.error?.class;
  if (wantedError !== undefined && !CHECKED_ELSEWHERE.has(wantedError)) {
    await assert.rejects(
      async () => replaySegment(log, pickSegment(await log.list())),
      (error) => isLakeError(error) && error.code === wantedError,
    );
    return;
  }
  const listing = await log.list();
  const segment = pickSegment(listing);
  assert.equal(segment.version, expected.latestVersion);
  assert.equal(startOf(segment), expected.startedFrom);
  const replayed = await replaySegment(log, segment);
  checkHead(replayed, expected);
  await checkEveryVersion(log, listing, expected);
}

function startOf({ checkpoint }: LogSegment): string {
  if (!checkpoint) return "commit 0";
  const suffix = {
    classic: "",
    multipart: `-${checkpoint.files.length}`,
    v2: `-${checkpoint.files[0]?.name.split(".").at(-1)}`,
  };
  return `checkpoint ${checkpoint.version} ${checkpoint.kind}${suffix[checkpoint.kind]}`;
}

interface Replayed {
  readonly state: LogReplay;
  /** commitInfo of the last commit of the segment. */
  readonly commitInfo: JsonObject | undefined;
}

/** @param each called after every version, the starting checkpoint's included */
async function replaySegment(
  log: DeltaLog,
  segment: LogSegment,
  each: (version: number, state: LogReplay) => void = () => undefined,
): Promise<Replayed> {
  const state = new LogReplay();
  let commitInfo: JsonObject | undefined;
  if (segment.checkpoint) {
    state.applyHeader(await log.readCheckpointHeader(segment.checkpoint));
    for await (const batch of log.readCheckpointFiles(segment.checkpoint)) state.applyFiles(batch);
    each(segment.checkpoint.version, state);
  }
  for (const { version } of segment.commits) {
    const { actions } = await log.readCommit(version);
    state.applyCommit(actions);
    commitInfo = actions.commitInfo;
    each(version, state);
  }
  state.requireTable();
  return { state, commitInfo };
}

function checkHead({ state, commitInfo }: Replayed, expected: Expected): void {
  const { head, canonicalNumFiles } = expected;
  const { protocol, metadata } = state.requireTable();
  const files = [...state.files.values()];
  const vectors = files.flatMap((file) => (file.deletionVector ? [file.deletionVector.cardinality] : []));
  if (canonicalNumFiles === undefined) {
    assert.equal(state.numFiles, head.numFiles);
    assert.equal(state.sizeInBytes, head.sumSize);
    assert.equal(filesHash(files), head.filesSha256);
    checkStats(files, expected);
    assert.equal(state.tombstones.size, head.tombstonesInLog);
  } else {
    // Paths of one file in two spellings: ours are canonical, as Spark's (docs/delta-rules.md §1.3).
    assert.equal(state.numFiles, canonicalNumFiles);
  }
  assert.equal(vectors.length, head.numDeletionVectors);
  assert.equal(vectors.reduce(addInt64, 0), head.dvCardinality);
  assert.deepEqual(protocol, head.protocol);
  assert.equal(metadata.id, head.metadataId);
  assert.deepEqual(metadata.partitionColumns, head.partitionColumns);
  assert.deepEqual(metadata.configuration, head.configuration);
  assert.equal(metadata.schemaString === undefined ? null : sha256(metadata.schemaString), head.schemaStringSha256);
  assert.equal(commitInfo?.inCommitTimestamp ?? null, head.inCommitTimestamp);
  assert.deepEqual(Object.fromEntries([...state.txns.values()].map((txn) => [txn.appId, txn.version])), head.txns);
  const domains = [...state.domains.values()].map((domain) => [domain.domain, domain.configuration]);
  assert.deepEqual(Object.fromEntries(domains), head.domainMetadata);
}

/** expected.json counts the JSON form only; where a checkpoint has the struct alone, ours are made from it, so none is lost. */
function checkStats(files: readonly AddFile[], { head, features }: Expected): void {
  if (features?.includes("cp-struct-stats-only")) {
    assert.equal(numRecords(files), head.numPhysicalRecordsFromCommits ?? numRecords(files));
  } else {
    assert.equal(numRecords(files), head.numPhysicalRecords);
    assert.equal(files.filter((file) => file.stats === undefined).length, head.numFilesWithoutStats);
  }
}

/**
 * Every version that the log can still rebuild, replayed from as far back as it goes. Where expected.json begins at the
 * newest checkpoint though an older one is whole, ours are more; what both have must agree.
 */
async function checkEveryVersion(log: DeltaLog, listing: LogListing, expected: Expected): Promise<void> {
  const found = new Map<number, readonly [number, Int64]>();
  const segment = pickOldestSegment(listing);
  const { state } = await replaySegment(log, segment, (version, { numFiles, sizeInBytes }) => {
    found.set(version, [numFiles, sizeInBytes]);
  });
  if (expected.canonicalNumFiles !== undefined) return;
  const wanted = Object.entries(expected.perVersion).map(([version, value]) => [Number(version), value] as const);
  const first = wanted[0]?.[0] ?? 0;
  assert.deepEqual(
    [...found].filter(([version]) => version >= first),
    wanted,
  );
  assert.equal(found.size, segment.version - Math.min(...found.keys()) + 1);
  const { numPhysicalRecordsFromCommits: fromCommits } = expected.head;
  if (fromCommits !== undefined) assert.equal(numRecords([...state.files.values()]), fromCommits);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** As delta-data's INDEX.md defines it: over raw paths. */
function filesHash(files: readonly AddFile[]): string {
  const lines = files.map((file) => Buffer.from(`${file.path}\t${deletionVectorId(file)}\t${file.size}\n`));
  return sha256(Buffer.concat(lines.sort(Buffer.compare)).toString());
}

/** Sum of numRecords; null when a file has none. */
function numRecords(files: readonly AddFile[]): Int64 | null {
  const counts = files.map((file) => {
    const stats = parseStats(file.stats);
    return isJsonObject(stats) && isInt64(stats.numRecords) ? stats.numRecords : null;
  });
  return counts.reduce((sum, count) => (sum === null || count === null ? null : addInt64(sum, count)), 0);
}

/** One of the tables has texts in `stats` that are no JSON. */
function parseStats(text = "null"): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
