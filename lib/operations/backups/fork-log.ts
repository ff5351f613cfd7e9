/**
 * After a restore to an earlier moment the logs are ahead of SQL. Here the restored tables go on in places of their own: the old logs stay
 * as they are, for whoever reads them, and so do the data files, which the new logs name by absolute paths (ARCHITECTURE.md D68).
 */

import { absoluteFrom } from "../../delta/files/absolute-paths.ts";
import { isWithin, placesAbove, placeTaken } from "../../delta/files/locations.ts";
import { LakeError } from "../../errors.ts";
import type { Lake, TableHead } from "../../ports.ts";
import { exportTable } from "../export.ts";
import type { OnProgress } from "../import-rows.ts";
import { inTurn } from "../in-turn.ts";
import { writeManifest, writeMoved } from "../publishing/manifest.ts";
import { allTables } from "../read.ts";
import { type RecoverResult, recoverTables } from "../recover.ts";
import { requireNothingAbove } from "../tables/free-place.ts";

export interface ForkedTable {
  readonly tableId: string;
  readonly table: string;
  readonly from: string;
  readonly to: string;
  readonly version: number;
}

/** Where a table goes on. */
export type PlaceOf = (head: TableHead) => Promise<string>;

const AT_ONCE = 4;

/**
 * Moves every table that is not there yet. First its whole log is written, then its rows are made again from that, which shows it at
 * its new place. Killed anywhere, the same call finishes; so does `dl recover` for a table whose rows were being made.
 * @throws LakeError conflict: RECOVERY_UNFINISHED, FOREIGN_COMMIT or FORK_NOT_EMPTY where the place has another log, LOCATION_TAKEN,
 *   LOCATION_OVERLAPS; unavailable
 */
export async function forkLogs(
  lake: Lake,
  placeOf: PlaceOf,
  onProgress: OnProgress = () => {},
): Promise<readonly ForkedTable[]> {
  await checkNoOther(lake, placeOf);
  const heads: TableHead[] = [];
  // What others write stays where they write it.
  for await (const head of allTables(lake)) if (!head.followed) heads.push(head);
  await checkPlaces(heads, placeOf);
  let done = 0;
  await inTurn(heads, AT_ONCE, async (head) => {
    await forkLog(lake, head, await placeOf(head));
    done += 1;
    onProgress({ phase: "logs", done, total: heads.length });
  });
  await finish(lake, onProgress);
  const forked: ForkedTable[] = [];
  for await (const head of allTables(lake)) {
    if (head.followed) continue;
    const from = (await lake.catalog.formerPlaces(head.tableId)).at(-1)?.location;
    if (from === undefined || head.location !== (await placeOf(head))) continue;
    await writeManifest(lake, head.tableId, { location: head.location, again: true });
    await writeMoved(lake, head.tableId, from);
    forked.push({ tableId: head.tableId, table: head.name, from, to: head.location, version: head.version });
  }
  return forked;
}

async function forkLog(lake: Lake, head: TableHead, to: string): Promise<void> {
  const { tableId, location, version } = head;
  if (location === to) return;
  const log = lake.openLog(to);
  await requireNothingAbove(log, version, "FORK_NOT_EMPTY");
  await exportTable(lake, { tableId }, log, () => {}, { paths: absoluteFrom(location) });
  await lake.catalog.beginRecovery(tableId, { head: version, plan: `at ${to}`, to });
}

/** Before anything is written: a log that lies within a table is in its way, also within the one that moves, whose log stays. */
async function checkPlaces(heads: readonly TableHead[], placeOf: PlaceOf): Promise<void> {
  const byPlace = new Map(heads.map((head) => [head.location, head]));
  for (const head of heads) {
    const to = await placeOf(head);
    if (to === head.location) continue;
    const around = [to, ...placesAbove(to)].flatMap((place) => byPlace.get(place) ?? []);
    const [by] = [...around, ...heads.filter(({ location }) => isWithin(location, to))];
    if (by !== undefined) throw placeTaken(to, by);
  }
}

/** What is missing of another recovery, only a person can decide. */
async function checkNoOther(lake: Lake, placeOf: PlaceOf): Promise<void> {
  for (const open of await lake.catalog.openRecoveries()) {
    const isMoving = (await lake.catalog.formerPlaces(open.tableId)).length > 0;
    if (isMoving && open.location === (await placeOf(open))) continue;
    throw new LakeError("conflict", `"${open.name}" is being made again from its log, and is not finished`, {
      code: "RECOVERY_UNFINISHED",
      hint: "Nothing was changed. Finish that first with the command that began it: dl recover --all, or --fork-log with the same place.",
      facts: { tableId: open.tableId },
    });
  }
}

/** Rows are made again from the new logs, also those that a killed call has begun. */
async function finish(lake: Lake, onProgress: OnProgress): Promise<RecoverResult | undefined> {
  const open = (await lake.catalog.openRecoveries()).map(({ tableId }) => ({ tableId }));
  if (open.length === 0) return undefined;
  // All that stands in these logs was written by SQL just now.
  const result = await recoverTables(lake, open, { foreign: true, acceptIncomplete: true }, onProgress);
  const failed = result.tables.find(({ error }) => error);
  if (failed?.error) {
    throw new LakeError("conflict", `${failed.table}: ${failed.error.message}`, {
      code: failed.error.code,
      hint: "Run the same command again: it goes on where it was.",
    });
  }
  return result;
}
