/** Lifts the quarantine of a table, when nothing that SQL has not committed is in its log any more (ARCHITECTURE.md D7). */

import { encodeCommit } from "../delta/encode.ts";
import { LAST_CHECKPOINT, type LogListing } from "../delta/files/log-files.ts";
import type { TableRef } from "../delta/request.ts";
import { LakeError } from "../errors.ts";
import type { DeltaLog, Lake, Noting, TableHead } from "../ports.ts";
import { checkLog, faultError } from "./publishing/check-log.ts";
import { findHead } from "./read.ts";

export interface ResolveResult {
  readonly tableId: string;
  readonly table: string;
  /** Why the table was quarantined; absent when it was not. */
  readonly quarantine?: string;
  /** Versions that wait to be published. */
  readonly unpublished: number;
}

/** How many versions up to the head are not in the log yet. What was published since the head was read does not count against it. */
export const unpublishedVersions = ({ version }: TableHead, published: number): number =>
  Math.max(0, version - published);

/**
 * Nothing is written to the log, and nothing in it is decided here: whoever has looked at a foreign commit sets its file
 * aside, and what was derived from it (checkpoints, checksums), before the mirror may go on.
 * Where later files than ours were found, and are gone, that is taken back at once.
 * @param noting the row of the audit trail, in the transaction that lifts it
 * @throws LakeError notFound; corrupt (FOREIGN_COMMIT, LOG_AHEAD) naming the files that must go first
 */
export async function resolveTable(lake: Lake, ref: TableRef, noting?: Noting): Promise<ResolveResult> {
  const head = await findHead(lake, ref);
  const { tableId, name: table, quarantine } = head;
  const published = await lake.catalog.mirroredVersion(tableId);
  const unpublished = unpublishedVersions(head, published);
  if (quarantine === undefined) {
    const fault = await checkLog(lake, head);
    if (fault?.code === "LOG_AHEAD") throw faultError(fault, head.location);
    // What the last comparison saw there is gone, too.
    if (fault === undefined) await lake.catalog.setQuarantine(tableId, undefined, noting);
    await lake.queue.enqueue([{ tableId, version: head.version }]);
    return { tableId, table, unpublished };
  }
  const files = await foreignFiles(lake, head, lake.openLog(head.location), published);
  if (files.length > 0) {
    throw new LakeError(
      "corrupt",
      `the log of "${table}" still holds what SQL has not committed: ${files.join(", ")}`,
      {
        code: "FOREIGN_COMMIT",
        at: `${head.location}/_delta_log`,
        hint: "To keep what they say, commit their actions through the API. Then move these files out of _delta_log, and try again.",
        facts: { tableId, files },
      },
    );
  }
  await lake.catalog.setQuarantine(tableId, undefined, noting);
  await lake.queue.enqueue([{ tableId, version: head.version }]);
  return { tableId, table, quarantine, unpublished };
}

/** Names of files about versions that are not published, but for the bytes that SQL would publish. */
async function foreignFiles(lake: Lake, head: TableHead, log: DeltaLog, published: number): Promise<string[]> {
  const listing = await log.list();
  const ours = await ourCommits(lake, head, log, listing, published);
  const isForeign = ({ version }: { readonly version: number }) => version > published && !ours.has(version);
  const checkpoints = listing.checkpoints.filter(isForeign);
  const last = await log.readLastCheckpoint();
  const hint = last !== undefined && isForeign({ version: last }) ? [LAST_CHECKPOINT] : [];
  return [
    ...listing.commits.filter(isForeign).map(({ name }) => name),
    ...checkpoints.flatMap(({ files }) => files.map(({ name }) => name)),
    ...listing.summaries.filter(isForeign).map(({ name }) => name),
    ...hint,
  ];
}

/** Versions that a mirror has put, though they are not marked as published. */
async function ourCommits(
  lake: Lake,
  head: TableHead,
  log: DeltaLog,
  { commits }: LogListing,
  published: number,
): Promise<Set<number>> {
  const ours = new Set<number>();
  for (const { version } of commits) {
    if (version <= published || version > head.version) continue;
    const [commit] = await lake.catalog.readCommits(head.tableId, version, version);
    const bytes = await log.readCommitBytes(version);
    if (commit && bytes && Buffer.compare(bytes, encodeCommit(commit)) === 0) ours.add(version);
  }
  return ours;
}
