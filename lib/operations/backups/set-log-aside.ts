/**
 * After a restore to an earlier moment the logs are ahead of SQL. Their later versions are set aside, beside the log and out of every
 * reader's sight, and never deleted: then commits go on from the moment that was restored.
 */

import { LAST_CHECKPOINT, type LogListing, MANIFEST, MOVED_MARK } from "../../delta/files/log-files.ts";
import { isLakeError } from "../../errors.ts";
import type { DeltaLog, Lake, TableHead } from "../../ports.ts";
import type { OnProgress } from "../import-rows.ts";
import { movedOn } from "../publishing/manifest.ts";
import { allTables } from "../read.ts";
import { keepIdentities } from "../tables/identities.ts";

/** Below the root of a table; VACUUM passes over names with an underscore. */
const ASIDE_FOLDER = "_deltalakedb_aside";

export interface LogAboveHead {
  readonly tableId: string;
  readonly table: string;
  /** The head in SQL, … */
  readonly version: number;
  /** … and the newest version that the log had above it. */
  readonly logVersion: number;
}

export interface LogSetAside extends LogAboveHead {
  /** Relative to the root of the table. */
  readonly folder: string;
  readonly files: number;
}

/** Tables of which the log goes on above the head; not those that others write. @throws LakeError unavailable */
export async function logsAboveHeads(lake: Lake): Promise<readonly LogAboveHead[]> {
  const above: LogAboveHead[] = [];
  for await (const head of allTables(lake)) {
    if (head.followed) continue;
    const listing = await lake.openLog(head.location).listFrom(head.version + 1);
    const newest = newestAbove(listing);
    const isBehind = newest > head.version || (listing.mayHaveMoved && (await movedOn(lake, head)) !== undefined);
    if (isBehind) above.push(aboveOf(head, Math.max(newest, head.version)));
  }
  return above;
}

/**
 * Sets aside what the logs of all tables have above the heads; not of those that others write, which go on. Safe to repeat after a kill.
 * @throws LakeError unavailable; invalid where this process may not remove files
 */
export async function setLogsAside(lake: Lake, onProgress: OnProgress = () => {}): Promise<readonly LogSetAside[]> {
  const folder = `${ASIDE_FOLDER}/${new Date(lake.clock.now()).toISOString().replaceAll(/[-:.]/g, "")}`;
  const done: LogSetAside[] = [];
  let seen = 0;
  for await (const head of allTables(lake)) {
    const set = head.followed ? undefined : await setLogAside(lake, head, folder);
    if (set !== undefined) done.push(set);
    seen += 1;
    onProgress({ phase: "logs", done: seen });
  }
  await keepIdentities(lake);
  return done;
}

/** From the newest version down, of each its commit last: a reader sees a log without a gap at every moment. */
async function setLogAside(lake: Lake, head: TableHead, folder: string): Promise<LogSetAside | undefined> {
  const log = lake.openLog(head.location);
  const listing = await listOrNothing(log);
  if (listing === undefined) return undefined;
  const { commits, checkpoints, summaries } = listing;
  const files = [
    ...summaries.map(({ version, name }) => ({ version, name, rank: 0 })),
    ...checkpoints.flatMap(({ version, files: parts }) => parts.map(({ name }) => ({ version, name, rank: 1 }))),
    ...commits.map(({ version, name }) => ({ version, name, rank: 2 })),
  ].filter(({ version }) => version > head.version);
  files.sort((a, b) => b.version - a.version || a.rank - b.rank);
  const hint = (await log.readLastCheckpoint()) ?? -1;
  // Of a table that moved later the log is as it was, but for what says so.
  const moved = listing.mayHaveMoved && (await movedOn(lake, head)) ? [MOVED_MARK, MANIFEST] : [];
  const names = [...(hint > head.version ? [LAST_CHECKPOINT] : []), ...files.map(({ name }) => name), ...moved];
  for (const name of names) await log.setAside(name, folder);
  if (names.length === 0) return undefined;
  return { ...aboveOf(head, Math.max(newestAbove(listing), hint)), folder, files: names.length };
}

async function listOrNothing(log: DeltaLog): Promise<LogListing | undefined> {
  try {
    return await log.list();
  } catch (error) {
    if (isLakeError(error, "notFound")) return undefined;
    throw error;
  }
}

function newestAbove({ commits, checkpoints, summaries }: LogListing): number {
  return Math.max(-1, ...[commits, checkpoints, summaries].flatMap((files) => files.at(-1)?.version ?? []));
}

function aboveOf({ tableId, name, version }: TableHead, logVersion: number): LogAboveHead {
  return { tableId, table: name, version, logVersion };
}
