/** Logs that somebody else has written, for tests: put down commit by commit in the memory store of a test lake, and imported. */

import { commitFileName } from "../../lib/delta/files/log-files.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { stringifyJson } from "../../lib/delta/values/json.ts";
import { type ImportMode, importTable } from "../../lib/operations/import.ts";
import { SCHEMA, type TestLake } from "./lake.ts";

export interface ForeignCommit {
  readonly actions: readonly Json[];
  /** Milliseconds; the clock's time if absent. */
  readonly modifiedAt?: number;
}

/** Writes the commits 0, 1, 2 … of a log. */
export async function putLog(lake: TestLake, location: string, commits: readonly ForeignCommit[]): Promise<void> {
  const now = lake.clock.time;
  for (const [version, { actions, modifiedAt = now }] of commits.entries()) {
    lake.clock.time = modifiedAt;
    await putText(lake, location, commitFileName(version), `${actions.map(stringifyJson).join("\n")}\n`);
  }
  lake.clock.time = now;
}

/** Puts any file into the log, over whatever is there. */
export async function putText(lake: TestLake, location: string, name: string, text: string): Promise<void> {
  await lake.store(location).put(`_delta_log/${name}`, new TextEncoder().encode(text));
}

/** protocol and metaData of a table of {@link SCHEMA}; in-commit timestamps are on if the configuration says so. */
export function tableActions(configuration: Record<string, string> = {}): Json[] {
  const metadata = { id: crypto.randomUUID(), format: { provider: "parquet", options: {} }, createdTime: 1 };
  return [
    { protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ["appendOnly", "inCommitTimestamp"] } },
    { metaData: { ...metadata, schemaString: JSON.stringify(SCHEMA), partitionColumns: [], configuration } },
  ];
}

export async function importLog(
  lake: TestLake,
  name: string,
  mode: ImportMode = "full-history",
  location = `file:///lake/${name}`,
): Promise<string> {
  return (await importTable(lake, { name, location, mode })).tableId;
}

/**
 * A table whose newest commit is ahead of every clock by some milliseconds, as after a clock that stepped back. From there on
 * each commit gets the timestamp of the one before + 1, on every engine: tests know it beforehand. Version 0 has no files.
 */
export async function importAhead(
  lake: TestLake,
  name: string,
  aheadMs: number,
  configuration: Record<string, string> = {},
): Promise<{ readonly tableId: string; readonly timestamp: number }> {
  const timestamp = lake.clock.now() + aheadMs;
  const commitInfo = { operation: "CREATE TABLE", timestamp, inCommitTimestamp: timestamp };
  const table = tableActions({ "delta.enableInCommitTimestamps": "true", ...configuration });
  await putLog(lake, `file:///lake/${name}`, [{ actions: [{ commitInfo }, ...table] }]);
  return { tableId: await importLog(lake, name), timestamp };
}
