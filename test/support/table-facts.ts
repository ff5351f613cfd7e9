/** What tests ask of a table: its live files, what its log and its newest checkpoint hold, and how a call was refused. */

import assert from "node:assert/strict";
import type { AddFile, Commit, RemoveFile } from "../../lib/delta/actions.ts";
import { pickSegment } from "../../lib/delta/files/log-files.ts";
import { isLakeError } from "../../lib/errors.ts";
import { pages } from "../../lib/operations/checkpoint.ts";
import type { CheckpointHeader, Lake, TableState } from "../../lib/ports.ts";

/** The error class with which a call is refused; fails when it is not refused, or by a defect. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => assert.fail("expected an error"),
    (e: unknown) => e,
  );
  if (!isLakeError(error)) throw error;
  return error.code;
}

export async function stateOf(lake: Lake, tableId: string): Promise<TableState> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  assert.ok(state);
  return state;
}

export async function headVersion(lake: Lake, tableId: string): Promise<number> {
  return (await stateOf(lake, tableId)).version;
}

/** Live files at a version, the newest if absent. */
export async function liveFiles(lake: Lake, tableId: string, version?: number): Promise<AddFile[]> {
  const files: AddFile[] = [];
  const at = version ?? (await headVersion(lake, tableId));
  for await (const page of pages((cursor) => lake.catalog.readFiles(tableId, at, { ...cursor, limit: 5000 })))
    files.push(...page);
  return files;
}

export async function livePaths(lake: Lake, tableId: string, version?: number): Promise<string[]> {
  return (await liveFiles(lake, tableId, version)).map((file) => file.path).sort();
}

export async function commitOf(lake: Lake, tableId: string, version: number): Promise<Commit> {
  const [commit] = await lake.catalog.readCommits(tableId, version, version);
  assert.ok(commit);
  return commit;
}

/** The published commit, line by line. */
export async function publishedLines(lake: Lake, tableId: string, version: number): Promise<string[]> {
  const { location } = await stateOf(lake, tableId);
  const bytes = await lake.openLog(location).readCommitBytes(version);
  assert.ok(bytes, `version ${version} is published`);
  return new TextDecoder().decode(bytes).trimEnd().split("\n");
}

/** The content of the newest checkpoint in the log. */
export async function newestCheckpoint(
  lake: Lake,
  tableId: string,
): Promise<{ readonly header: CheckpointHeader; readonly adds: AddFile[]; readonly removes: RemoveFile[] }> {
  const log = lake.openLog((await stateOf(lake, tableId)).location);
  const { checkpoint } = pickSegment(await log.list());
  assert.ok(checkpoint, "there is a checkpoint");
  const adds: AddFile[] = [];
  const removes: RemoveFile[] = [];
  for await (const batch of log.readCheckpointFiles(checkpoint)) {
    for (const file of batch) {
      if ("add" in file) adds.push(file.add);
      else removes.push(file.remove);
    }
  }
  return { header: await log.readCheckpointHeader(checkpoint), adds, removes };
}
