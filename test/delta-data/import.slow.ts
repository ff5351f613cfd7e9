/** Imports 256 real tables of other projects in both modes: the rows, the diff, and the log that SQL writes again must all agree. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type AddFile, deletionVectorId } from "../../lib/delta/actions.ts";
import { knownFeature } from "../../lib/delta/features.ts";
import { pickSegment } from "../../lib/delta/files/log-files.ts";
import { fileKey, LogReplay } from "../../lib/delta/replay.ts";
import type { Int64 } from "../../lib/delta/values/int64.ts";
import { type JsonObject, parseJson } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { openDeltaLog } from "../../lib/log/delta-log.ts";
import { pages } from "../../lib/operations/checkpoint.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { exportTable } from "../../lib/operations/export.ts";
import { type ImportMode, importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import type { DeltaLog, Lake, ObjectStore } from "../../lib/ports.ts";
import { openFileStore } from "../../lib/storage/file.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { commitTo, openTestLake, type TestLake } from "../support/lake.ts";
import { deltaData, needsDeltaData } from "../support/skip.ts";

const DATA = deltaData ?? "";

interface Expected {
  readonly expect: "ok" | "error" | "choice";
  readonly error?: { readonly class: string };
  readonly head?: JsonObject & {
    readonly protocol: { readonly readerFeatures?: string[]; readonly writerFeatures?: string[] };
  };
  readonly latestVersion: number;
  readonly perVersion: Readonly<Record<string, readonly [number, Int64]>>;
  readonly canonicalNumFiles?: number;
}

const tables = deltaData ? readdirSync(DATA).filter((name) => existsSync(join(DATA, name, "expected.json"))) : [];
let lake: TestLake;
let passed = 0;
let byFingerprint = 0;
const refused: string[] = [];

before(async () => {
  lake = await openTestLake();
});
after(async () => {
  await lake?.close();
  if (tables.length === 0) return;
  console.log(
    `delta-data: ${passed} of ${tables.length} tables pass import, read, diff and rebuild in both modes on ${process.env.TEST_ENGINE ?? "sqlite"}`,
  );
  console.log(
    `of ${2 * (passed - refused.length)} imports ${byFingerprint} need only their fingerprint to be compared`,
  );
  console.log(`refused as they must or may be:\n${refused.map((line) => `  ${line}`).join("\n")}`);
});

if (tables.length === 0) test("delta-data", needsDeltaData("import of real tables"), () => undefined);
for (const table of tables) {
  test(`import: ${table}`, async () => {
    await checkTable(table);
    passed += 1;
  });
}

/** Refusals that are right although expected.json has values, too: `choice` tables, and features that we do not know. */
function refusalsAllowed(table: string, expected: Expected): readonly string[] {
  if (expected.error) return [expected.error.class];
  const features = [
    ...(expected.head?.protocol.readerFeatures ?? []),
    ...(expected.head?.protocol.writerFeatures ?? []),
  ];
  if (features.some((name) => !knownFeature(name))) return ["UNSUPPORTED_FEATURE"];
  return table.includes("catalog_managed") ? ["UNSUPPORTED_FEATURE"] : [];
}

async function checkTable(table: string): Promise<void> {
  const folder = join(DATA, table);
  const expected = parseJson(readFileSync(join(folder, "expected.json"), "utf8")) as unknown as Expected;
  const log = openDeltaLog(openFileStore(join(folder, "table")), `file:///data/${table}`);
  const reading = { ...lake, openLog: () => log } as Lake;
  for (const mode of ["full-history", "snapshot"] as const) {
    const name = `t.${table.replace(/[^A-Za-z0-9_-]/g, "_")}_${mode}`;
    const wanted = { name, mode, location: `file:///data/${table}/${mode}` };
    const result = await importTable(reading, wanted).catch((error: unknown) => error);
    if (isLakeError(result)) {
      assert.ok(refusalsAllowed(table, expected).includes(result.code), `${result.code}: ${result.message}`);
      assert.equal(await lake.catalog.findTable({ name }, { anyStatus: true }), undefined, "nothing is left behind");
      if (mode === "snapshot") refused.push(`${table}: ${result.code}: ${result.message}`);
      continue;
    }
    if (result instanceof Error) throw result;
    assert.notEqual(expected.expect, "error", "must be refused");
    await checkImported(reading, (result as { tableId: string }).tableId, mode, expected, log);
  }
}

async function checkImported(
  reading: Lake,
  tableId: string,
  mode: ImportMode,
  expected: Expected,
  log: DeltaLog,
): Promise<void> {
  const head = await lake.catalog.findTable({ tableId });
  assert.ok(head && expected.head);
  assert.equal(head.version, expected.latestVersion);
  const files = await filesAt(tableId, head.version);
  assert.equal(head.numFiles, files.length);
  if (expected.canonicalNumFiles === undefined) {
    assert.equal(head.numFiles, expected.head.numFiles);
    assert.equal(head.sizeInBytes, expected.head.sumSize);
    assert.equal(filesHash(files), expected.head.filesSha256);
    if (mode === "full-history") await checkVersions(tableId, head.baseVersion, expected);
  } else assert.equal(head.numFiles, expected.canonicalNumFiles);
  const header = await lake.catalog.readHeader(tableId, head.version);
  assert.deepEqual(header.protocol, expected.head.protocol);
  // One table's checkpoint has lost its metaData, the commits have it: we rebuild from these, and diff tells of the checkpoint.
  const broken = expected.head.metadataId === null;
  if (!broken) assert.equal(header.metadata.id, expected.head.metadataId);
  if (!broken) assert.deepEqual(header.metadata.configuration, expected.head.configuration);
  assert.deepEqual(Object.fromEntries(header.txns.map((txn) => [txn.appId, txn.version])), expected.head.txns);
  assert.deepEqual(
    Object.fromEntries(header.domains.map((d) => [d.domain, d.configuration])),
    expected.head.domainMetadata,
  );
  const request = { ref: { tableId }, log, lagThresholdSeconds: 5, maxDriftFiles: 0 };
  const report = await diffTable(reading, request);
  const quick = await diffTable(reading, { ...request, fieldsUpTo: -1 });
  assert.deepEqual([quick.outcome, quick.drift], [report.outcome, report.drift]);
  if (quick.notes.some((note) => note.includes("by their fingerprint"))) byFingerprint += 1;
  if (broken) assert.ok(report.drift.metadata.length > 0 && report.drift.fileCount === 0);
  else {
    const nothing = { files: [], fileCount: 0, metadata: [], protocol: [], other: [] };
    assert.deepEqual([report.outcome, report.drift], ["ok", nothing]);
  }
  await checkRebuilt(reading, tableId, files);
}

async function checkVersions(tableId: string, baseVersion: number, expected: Expected): Promise<void> {
  const found: [string, readonly [number, Int64]][] = [];
  for (const version of Object.keys(expected.perVersion)) {
    if (Number(version) < baseVersion) continue;
    const { numFiles, sizeInBytes } = await lake.catalog.readHeader(tableId, Number(version));
    assert.equal((await filesAt(tableId, Number(version))).length, numFiles);
    found.push([version, [numFiles, sizeInBytes]]);
  }
  assert.deepEqual(Object.fromEntries(found), expected.perVersion);
}

/** SQL alone writes the whole log elsewhere; the table goes on there, with a checkpoint; a reader sees the same files. */
async function checkRebuilt(reading: Lake, tableId: string, files: readonly AddFile[]): Promise<void> {
  const store: ObjectStore = openMemoryStore();
  const copy = openDeltaLog(store, "copy");
  await exportTable(reading, { tableId }, copy);
  assert.deepEqual(await replayed(copy), files.map(fileKey).sort());
  const head = await lake.catalog.findTable({ tableId });
  const onCopy = { ...lake, openLog: () => copy } as Lake;
  const committed = await commitTo(
    onCopy,
    tableId,
    head?.version ?? 0,
    [{ commitInfo: { operation: "NOTE" } }],
    {},
  ).catch((error: unknown) => error);
  // Tables whose rules only a writer can honour take no commit that does not declare them.
  if (isLakeError(committed)) {
    assert.ok(["DELTA_UNSUPPORTED_FEATURES_FOR_WRITE"].includes(committed.code), committed.message);
    return;
  }
  assert.equal(committed, (head?.version ?? 0) + 1);
  const { published, error } = await mirrorTable(onCopy, tableId);
  assert.deepEqual([published, error], [[committed], undefined]);
  assert.deepEqual(await replayed(copy), files.map(fileKey).sort());
}

async function replayed(log: DeltaLog): Promise<string[]> {
  const segment = pickSegment(await log.list());
  const replay = new LogReplay();
  if (segment.checkpoint) {
    replay.applyHeader(await log.readCheckpointHeader(segment.checkpoint));
    for await (const batch of log.readCheckpointFiles(segment.checkpoint)) replay.applyFiles(batch);
  }
  for (const { version } of segment.commits) replay.applyCommit((await log.readCommit(version)).actions);
  return [...replay.files.keys()].sort();
}

async function filesAt(tableId: string, version: number): Promise<AddFile[]> {
  const files: AddFile[] = [];
  for await (const page of pages((at) => lake.catalog.readFiles(tableId, version, { ...at, limit: 10_000 })))
    files.push(...page);
  return files;
}

function filesHash(files: readonly AddFile[]): string {
  const lines = files.map((file) => Buffer.from(`${file.path}\t${deletionVectorId(file)}\t${file.size}\n`));
  return createHash("sha256")
    .update(Buffer.concat(lines.sort(Buffer.compare)))
    .digest("hex");
}
