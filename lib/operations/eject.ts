/**
 * Gives a table back as plain Delta: complete, with a checkpoint, without the fence, and dropped here. First SQL lets go of it, then others
 * may write: so there is no moment in which both could (ARCHITECTURE.md D81). Repeatable after a kill at any point.
 */

import type { Metadata, Protocol } from "../delta/actions.ts";
import { encodeCommit } from "../delta/encode.ts";
import { isFenced } from "../delta/fence.ts";
import { pickSegment } from "../delta/files/log-files.ts";
import { decodeManifest, encodeManifest } from "../delta/manifest.ts";
import type { TableRef } from "../delta/request.ts";
import { isPast } from "../delta/values/age.ts";
import { corrupt, LakeError } from "../errors.ts";
import type { DroppedHead, Lake, TableHead } from "../ports.ts";
import { counted, writeCheckpoint } from "./checkpoint.ts";
import { dropTable } from "./drop-table.ts";
import { mirrorTable } from "./mirror.ts";
import { findHindrance } from "./publishing/check-log.ts";
import { checkpointGuess } from "./publishing/due-checkpoint.ts";
import { readCommits } from "./publishing/log-commits.ts";
import { putFence } from "./publishing/log-fence.ts";
import { checkNotFollowed } from "./tables/followed.ts";
import { missingTable } from "./tables/missing-table.ts";

export interface EjectedTable {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  /** The newest version of the log. */
  readonly version: number;
  /** The version that took the fence down; absent where there was none. */
  readonly unfenced?: number;
}

/** Another worker may be faster so often. */
const ROUNDS = 5;
/** So long the mirror has to come near the head, and so many versions may be left then: commits wait for them. */
const CATCH_UP_MS = 20_000;
const LAST_VERSIONS = 50;

/**
 * Ejects a table. What is unpublished is published first; a table that was dropped already, by an eject that was killed or by a drop, is
 * ejected from where it is.
 * @throws LakeError notFound; conflict: UNPUBLISHED_VERSIONS, LOCATION_TAKEN, LOG_AHEAD, TABLE_FOLLOWED; unavailable
 */
export async function ejectTable(lake: Lake, ref: TableRef): Promise<EjectedTable> {
  const head = await lake.catalog.findTable(ref);
  if (head !== undefined) {
    checkNotFollowed(head);
    await letGo(lake, head);
  }
  const { dropped } = (await lake.catalog.whereabouts(head ?? ref)) ?? {};
  if (dropped === undefined || dropped.purgedAt !== undefined) throw await missingTable(lake, ref);
  await checkNobodyElseLivesThere(lake, dropped);
  // Before anybody may write: from now on nothing here takes the files for those of a dropped table.
  await tellLog(lake, dropped);
  const { version, unfenced } = await takeFenceDown(lake, dropped);
  const { tableId, name, location } = dropped;
  return { tableId, name, location, version, ...(unfenced === undefined ? {} : { unfenced }) };
}

async function letGo(lake: Lake, { tableId, location }: TableHead): Promise<void> {
  const begun = lake.clock.now();
  // Where commits come as fast as they are published, the last ones are left to the drop.
  const signal = {
    get aborted() {
      return isPast(lake.clock.now(), begun, CATCH_UP_MS);
    },
  };
  const { error } = await mirrorTable(lake, tableId, { signal });
  if (error !== undefined) throw error;
  const version = await lake.catalog.mirroredVersion(tableId);
  const log = lake.openLog(location);
  if (version >= 0 && ((await log.readLastCheckpoint()) ?? -1) < version) {
    await counted(lake, { tableId, version }, () => writeCheckpoint(lake, log, tableId, version, { anew: true }));
  }
  const publish = () => publishAll(lake, tableId);
  await dropTable(lake, { tableId }, { unpublished: "keep", publishLast: { atMost: LAST_VERSIONS, publish } });
}

/** What is unpublished, in order, while commits wait. @returns false where something is in the way, which the mirror will say */
async function publishAll(lake: Lake, tableId: string): Promise<boolean> {
  const backlog = await lake.catalog.readBacklog(tableId, LAST_VERSIONS);
  const first = backlog?.open[0];
  if (backlog === undefined || first === undefined || backlog.quarantine !== undefined) return false;
  const { location, metadata, commits, open } = backlog;
  const log = lake.openLog(location);
  if (commits.length < open.length) return false;
  const guess = checkpointGuess(lake, tableId, first.version - 1, metadata);
  if ((await findHindrance(log, first.version, guess)).fault) return false;
  for (const commit of commits) {
    if ((await log.putCommit(commit.version, encodeCommit(commit), commit)) !== "published") return false;
  }
  return true;
}

async function checkNobodyElseLivesThere(lake: Lake, { name, location }: DroppedHead): Promise<void> {
  const other = await lake.catalog.tableAt(location);
  if (other === undefined) return;
  throw new LakeError("conflict", `the table "${other.name}" lives at ${location}, where "${name}" was`, {
    code: "LOCATION_TAKEN",
    hint: `\`dl eject ${other.name}\` gives that one back.`,
    facts: { tableId: other.tableId, name: other.name, location },
  });
}

/** One change above what SQL says: a worker that tells the log of the drop, late, leaves it. */
async function tellLog(lake: Lake, { tableId, name, location }: DroppedHead): Promise<void> {
  const log = lake.openLog(location);
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = await log.readManifest();
    const facts = await lake.catalog.readManifestFacts(tableId);
    if (facts === undefined) throw await missingTable(lake, { tableId });
    const changes = facts.manifest.changes + 1;
    const there = from && decodeManifest(from);
    const isTold = there?.tableId === tableId && there.status === "ejected" && there.changes >= changes;
    const ejected = encodeManifest({ ...facts.manifest, status: "ejected", changes });
    if (!isTold && !(await log.putManifest(ejected, { from }))) continue;
    await lake.catalog.markManifest(tableId, facts.manifest.changes);
    return;
  }
  throw new LakeError(
    "conflict",
    `the log of "${name}" could not be told that it is ejected: others write its manifest`,
    {
      code: "MANIFEST_CONTENDED",
      hint: "Run it again.",
    },
  );
}

/** By the log alone: SQL has let go. The bytes are the same whoever writes them, so twins are in nobody's way. */
async function takeFenceDown(
  lake: Lake,
  { tableId, name, location, droppedAt }: DroppedHead,
): Promise<{ readonly version: number; readonly unfenced?: number }> {
  const log = lake.openLog(location);
  const { version, protocol, metadata } = await stateOf(lake, location);
  if (!isFenced(protocol)) {
    const head = (await lake.catalog.findTable({ tableId }, { anyStatus: true }))?.version;
    return { version, ...(head !== undefined && version === head + 1 ? { unfenced: version } : {}) };
  }
  const { timestamp = 0 } = (await lake.catalog.findTable({ tableId }, { anyStatus: true })) ?? {};
  const at = Math.max(droppedAt, timestamp + 1);
  const next = version + 1;
  if (!(await putFence(log, { tableId, version, protocol, metadata, fence: "off", timestamp: at }))) {
    throw new LakeError("conflict", `somebody has written version ${next} of "${name}"`, {
      code: "LOG_AHEAD",
      at: `${location}/_delta_log`,
      hint: "Run it again: it looks at the log as it is now.",
    });
  }
  return { version: next, unfenced: next };
}

/** Protocol and metadata of the newest version in the log, from there back to its checkpoint. */
async function stateOf(lake: Lake, location: string) {
  const log = lake.openLog(location);
  const { checkpoint, commits, version } = pickSegment(await log.list());
  let protocol: Protocol | undefined;
  let metadata: Metadata | undefined;
  for await (const { actions } of readCommits(log, commits.toReversed())) {
    protocol ??= actions.protocol;
    metadata ??= actions.metadata;
    if (protocol && metadata) break;
  }
  const header = checkpoint && !(protocol && metadata) ? await log.readCheckpointHeader(checkpoint) : undefined;
  protocol ??= header?.protocol;
  metadata ??= header?.metadata;
  if (protocol && metadata) return { version, protocol, metadata };
  throw corrupt(`the log at ${location} has no protocol or no metadata: no reader can make a table of it`, {
    code: "LOG_INCOMPLETE",
    hint: "`dl undrop` brings the table back; `dl repair` puts back what SQL holds.",
  });
}
