/** The theorem of the product (ARCHITECTURE.md, "The picture, in 60 seconds"), as a check that any test can make of any table at any moment. */

import assert from "node:assert/strict";
import { encodeCommit } from "../../lib/delta/encode.ts";
import { pickSegment } from "../../lib/delta/files/log-files.ts";
import { fileKey, LogReplay } from "../../lib/delta/replay.ts";
import { isLakeError } from "../../lib/errors.ts";
import { pages } from "../../lib/operations/checkpoint.ts";
import type { Lake } from "../../lib/ports.ts";

/**
 * For every version that the log shows: it is contiguous, not above the head, its bytes are what SQL gives, and both sides
 * replay to the same files. A checkpoint exists only at a published version. Answers the newest version in the log.
 */
export async function assertTheorem(lake: Lake, tableId: string): Promise<number> {
  const head = await lake.catalog.findTable({ tableId });
  assert.ok(head);
  const log = lake.openLog(head.location);
  const listing = await log.list().catch((error: unknown) => {
    if (isLakeError(error, "notFound")) return undefined;
    throw error;
  });
  const versions = listing?.commits.map((commit) => commit.version) ?? [];
  const newest = versions.at(-1) ?? -1;
  assert.deepEqual(
    versions,
    [...versions.keys()].map((i) => i + (versions[0] ?? 0)),
    "published versions are contiguous",
  );
  assert.ok(newest <= head.version, "nothing is published that was not committed");
  assert.ok((await lake.catalog.mirroredVersion(tableId)) <= newest, "COMPLETE means: it is in the log");
  for (const checkpoint of listing?.checkpoints ?? []) assert.ok(checkpoint.version <= newest);
  // Of what others wrote, and of a state that a checkpoint gave, SQL has the files and not the bytes.
  const firstOwn = (await lake.catalog.firstOwnVersion(tableId)) ?? head.version + 1;
  for (const version of versions) {
    if (version < head.baseVersion) continue;
    const [commit] = await lake.catalog.readCommits(tableId, version, version);
    assert.ok(commit);
    if (version >= firstOwn) {
      assert.deepEqual(await log.readCommitBytes(version), encodeCommit(commit), `bytes of version ${version}`);
    }
    if (!listing) continue;
    const segment = pickSegment(listing, { version });
    const replay = new LogReplay();
    if (segment.checkpoint) {
      replay.applyHeader(await log.readCheckpointHeader(segment.checkpoint));
      for await (const batch of log.readCheckpointFiles(segment.checkpoint)) replay.applyFiles(batch);
    }
    for (const file of segment.commits) replay.applyCommit((await log.readCommit(file.version)).actions);
    const sql: string[] = [];
    for await (const page of pages((at) => lake.catalog.readFiles(tableId, version, { ...at, limit: 1000 }))) {
      sql.push(...page.map(fileKey));
    }
    assert.deepEqual([...replay.files.keys()].sort(), sql.sort(), `files of version ${version}`);
  }
  return newest;
}

/** Every committed version is in SQL, contiguous from the base to the head. */
export async function assertHistory(lake: Lake, tableId: string): Promise<void> {
  const head = await lake.catalog.findTable({ tableId });
  assert.ok(head);
  const history = await lake.catalog.history(tableId, { limit: 10_000 });
  const versions = history.items.map((item) => item.version).reverse();
  assert.deepEqual(
    versions,
    [...versions.keys()].map((i) => i + head.baseVersion),
  );
  assert.equal(versions.at(-1), head.version);
  const times = history.items.map((item) => item.timestamp).reverse();
  for (const [i, time] of times.entries())
    if (i > 0) assert.ok(time > (times[i - 1] ?? 0), "timestamps strictly increase");
}
