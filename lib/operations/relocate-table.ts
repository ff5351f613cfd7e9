/**
 * Takes a table to another place, with its files: everything is copied while commits go on, and the place changes in the SQL transaction
 * of a commit (ARCHITECTURE.md D71).
 */

import { checkTableLocation, isWithin, placeTaken } from "../delta/files/locations.ts";
import { MOVED_MARK } from "../delta/files/log-files.ts";
import { decodeManifest } from "../delta/manifest.ts";
import { withOrigins } from "../delta/origin.ts";
import { planMetadataAgain } from "../delta/plan-commit.ts";
import type { TableRef } from "../delta/request.ts";
import { RETAINED_FROM } from "../delta/vacuum.ts";
import { canonicalJson } from "../delta/values/json.ts";
import { invalid, LakeError } from "../errors.ts";
import type { DeltaLog, Lake, PlannedCommit, TableHead, TableState } from "../ports.ts";
import { type By, signed } from "./committing/author.ts";
import { lookAtLogs } from "./committing/first-sight.ts";
import { sha256 } from "./committing/request-hash.ts";
import { sendMove } from "./committing/send-commit.ts";
import { forgetTable, tableStates } from "./committing/table-states.ts";
import { exportTable } from "./export.ts";
import type { OnProgress } from "./import-rows.ts";
import { writeElsewhere, writeManifest, writeMoved } from "./publishing/manifest.ts";
import { requireSoundMirror } from "./publishing/sound-mirror.ts";
import { findHead } from "./read.ts";
import { copyFiles, countFiles, type FilesMoved, type Moving, NOTHING_MOVED } from "./relocating/copy-files.ts";
import { checkNotFollowed } from "./tables/followed.ts";
import { requireNothingAbove } from "./tables/free-place.ts";

export interface RelocateOptions extends By {
  /** False only counts. */
  readonly move: boolean;
}

export interface RelocatedTable extends FilesMoved {
  readonly tableId: string;
  readonly table: string;
  /** The same as `to` where it has never been elsewhere. */
  readonly from: string;
  readonly to: string;
  /** The head: of the version that moved it, where it has just moved. */
  readonly version: number;
  /** `counted`: nothing was written. `there`: it was at that place already. */
  readonly status: "counted" | "moved" | "there";
}

/** As long as commits come faster than they are copied, one round follows the other. */
const ROUNDS = 20;
const VERSIONS_AT_ONCE = 16;
/** What may be left to copy while commits wait: the database gives a silent transaction five seconds. */
const LAST_VERSIONS = 100;
const LAST_BYTES = 8 * 2 ** 20;

/**
 * Copies what retained versions need, and the whole log, which is written anew from SQL; then moves. Writers go on meanwhile: whoever
 * has planned on a version before the move is refused as by any change of metadata, since its files are at the old place. That
 * place stays as it is; its manifest says where the table went. Repeated, also after a kill, it goes on where it was.
 * @param to canonical
 * @throws LakeError notFound; invalid INVALID_LOCATION, LOCATION_NOT_WRITABLE, PATHS_ABSOLUTE, FILES_NOT_REMOVABLE; conflict LOCATION_TAKEN,
 *   LOCATION_OVERLAPS, LOCATION_NOT_EMPTY, MIRROR_STOPPED, TABLE_FOLLOWED, TABLE_MOVED, FOREIGN_COMMIT, DELTA_MAX_COMMIT_RETRIES_EXCEEDED;
 *   corrupt FILE_NOT_FOUND; unavailable
 */
export async function relocateTable(
  lake: Lake,
  ref: TableRef,
  to: string,
  options: RelocateOptions,
  onProgress: OnProgress = () => {},
): Promise<RelocatedTable> {
  const head = await findHead(lake, ref);
  checkNotFollowed(head);
  if (head.location === to) return settled(lake, head);
  const moving = await openMove(lake, head, to);
  const { from, tableId } = moving;
  const about = { tableId, table: head.name, from, to };
  const counted = await countFiles(moving, onProgress);
  if (!options.move) return { ...about, ...counted, version: head.version, status: "counted" };
  await lake.tryLocation?.(to);
  // Until it moves, the new place says that the table is at the old one: so a rebuild does, and a repeated call knows its own.
  await writeElsewhere(lake, tableId, to);
  // Where SQL has a state and no bytes, as from a checkpoint, an earlier stay may have left the bytes of before.
  await removeBelow(lake.openLog(to), (await lake.catalog.firstOwnVersion(tableId)) ?? head.version + 1);
  let moved: FilesMoved = NOTHING_MOVED;
  let [filesUpTo, logUpTo] = [-1, -1];
  const copyTo = async (version: number, limitBytes?: number): Promise<boolean> => {
    const copied = await copyFiles(moving, { after: filesUpTo, limitBytes, onProgress, total: counted.files });
    if (copied === undefined) return false;
    moved = sum(moved, copied);
    filesUpTo = version;
    // Checkpoints take long, and what came later would wait for them: the mirror makes those that follow.
    const checkpoints = logUpTo < 0 ? "newest" : "none";
    const written = { from: logUpTo + 1, checkpoints, atOnce: VERSIONS_AT_ONCE } as const;
    const log = lake.openLog(to);
    const { fromVersion, toVersion } = await exportTable(lake, { tableId }, log, onProgress, written);
    if (fromVersion > written.from) await removeBelowGap(log, fromVersion);
    logUpTo = toVersion;
    return true;
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const [state] = await tableStates(lake, [{ tableId }], { fresh: true });
    if (state === undefined) break;
    await copyTo(state.version);
    const version = await trySwitch(lake, state, { from, to, ...options }, async (locked) => {
      if (locked.version === filesUpTo && locked.version === logUpTo) return true;
      return locked.version - filesUpTo <= LAST_VERSIONS && (await copyTo(locked.version, LAST_BYTES));
    });
    if (version === undefined) continue;
    const done = await settled(lake, { ...state, location: to, version });
    return { ...done, ...moved, from, status: "moved" };
  }
  throw new LakeError("conflict", `commits to "${head.name}" come faster than they can be copied to ${to}`, {
    code: "DELTA_MAX_COMMIT_RETRIES_EXCEEDED",
    hint: "Run it again when fewer writers are at work: what is copied stays.",
  });
}

interface Switch extends By {
  readonly from: string;
  readonly to: string;
}

/** @param complete copies the last versions while commits wait; false where these are too many @returns the version that moved it */
async function trySwitch(
  lake: Lake,
  state: TableState,
  { from, to, by }: Switch,
  complete: (locked: TableState) => Promise<boolean>,
): Promise<number | undefined> {
  const { tableId } = state;
  const epoch = await lookAtLogs(lake, [state]);
  const transactionId = lake.clock.newId();
  const outcome = await sendMove(lake, [state], transactionId, {
    ...{ tableId, from, to },
    async plan(locked): Promise<PlannedCommit | undefined> {
      if (!(await complete(locked))) return undefined;
      // What SQL has forgotten was not copied: a database from before that must not call it readable.
      const { baseVersion } = await findHead(lake, { tableId });
      const operationParameters = { from, to, [RETAINED_FROM]: String(baseVersion) };
      const commitInfo = { operation: "RELOCATE", operationParameters };
      const planned = planMetadataAgain(locked, commitInfo, transactionId);
      return withOrigins({
        ...{ transactionId, epoch, requestHash: sha256(canonicalJson({ relocate: { tableId, from, to } })) },
        tables: [{ ...planned, actions: signed(planned.actions, { by }) }],
      });
    },
  });
  forgetTable(lake, state);
  return outcome.status === "committed" ? outcome.tables[0]?.version : undefined;
}

/** SQL keeps versions from this one on, and an earlier stay or attempt may have left older ones in the new log, with a gap between. */
async function removeBelowGap(log: DeltaLog, first: number): Promise<void> {
  const below = (await log.list()).commits.filter(({ version }) => version < first);
  const isContiguous = below.every(({ version }, i) => version === first - below.length + i);
  if (!isContiguous) await removeBelow(log, first);
}

async function removeBelow(log: DeltaLog, first: number): Promise<void> {
  const { commits, checkpoints, summaries } = await log.list();
  const files = [
    ...checkpoints.flatMap(({ version, files: parts }) => parts.map(({ name }) => ({ version, name }))),
    ...summaries,
  ];
  const names = [...commits, ...files].filter(({ version }) => version < first).map(({ name }) => name);
  const [failed] = names.length === 0 ? [] : await log.removeFiles(names);
  if (failed) throw failed.error;
}

/** What is left to do is hints, of which a killed call may have left some. */
async function settled(lake: Lake, { tableId, name, location, version }: TableHead): Promise<RelocatedTable> {
  const from = (await lake.catalog.formerPlaces(tableId)).at(-1)?.location ?? location;
  await writeManifest(lake, tableId, { location, again: true });
  if (from !== location) await writeMoved(lake, tableId, from);
  // Of a place that it had left before, and has come back to.
  await lake.openLog(location).removeFile(MOVED_MARK);
  await lake.queue.enqueue([{ tableId, version }]);
  return { tableId, table: name, from, to: location, version, ...NOTHING_MOVED, status: "there" };
}

/** All that would be refused is refused before anything is written. */
async function openMove(lake: Lake, head: TableHead, to: string): Promise<Moving> {
  const { tableId, name, location: from, version } = head;
  checkTableLocation(to);
  if (lake.openDataFiles === undefined) {
    throw invalid("this process may not copy files of tables", {
      code: "FILES_NOT_REMOVABLE",
      hint: "Run `dl relocate`.",
    });
  }
  await requireSoundMirror(lake, head, `"${name}" does not move`);
  // No table has an empty name, so only the place decides; that of the table itself counts, too: its log stays there.
  const by = await lake.catalog.findClaim({ name: "", location: to });
  if (by !== undefined) throw placeTaken(to, by);
  // Logs stay at places that it has left, and whoever reads them may run VACUUM there.
  for (const { location } of await lake.catalog.formerPlaces(tableId)) {
    if (isWithin(to, location) || isWithin(location, to)) throw placeTaken(to, { name, location });
  }
  const [source, target] = [lake.openDataFiles(from), lake.openDataFiles(to)];
  const log = lake.openLog(to);
  await requireNothingAbove(log, version, "LOCATION_NOT_EMPTY");
  const bytes = await log.readManifest();
  const isOurs = bytes !== undefined && decodeManifest(bytes)?.tableId === tableId;
  if (!isOurs && !(await isEmpty(lake, to))) {
    throw new LakeError("conflict", `${to} is not empty`, {
      code: "LOCATION_NOT_EMPTY",
      at: "/location",
      hint: "Choose an empty place, or one to which this table has been copied whole, with its _delta_log.",
    });
  }
  const floor = (await lake.catalog.readUpkeep([tableId]))[0]?.vacuumFloor ?? -1;
  return { lake, tableId, name, from, to, source, target, floor };
}

async function isEmpty(lake: Lake, location: string): Promise<boolean> {
  const { commits, checkpoints } = await lake.openLog(location).listFrom(0);
  if (commits.length + checkpoints.length > 0) return false;
  for await (const files of lake.openDataFiles?.(location).list() ?? []) if (files.length > 0) return false;
  return true;
}

function sum(a: FilesMoved, b: FilesMoved): FilesMoved {
  return {
    files: a.files + b.files,
    bytes: a.bytes + b.bytes,
    copied: a.copied + b.copied,
    outside: a.outside + b.outside,
    missing: a.missing + b.missing,
  };
}
