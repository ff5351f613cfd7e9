/** Writes a checkpoint of one version from SQL, in pages, so that memory does not grow with the table. */

import type { AddFile, RemoveFile } from "../delta/actions.ts";
import type { PathsFrom } from "../delta/files/absolute-paths.ts";
import { checkpointFileName } from "../delta/files/log-files.ts";
import { tableProperties } from "../delta/properties/properties.ts";
import { wantsSidecars } from "../delta/sidecars.ts";
import { unexpiredTxns } from "../delta/txns.ts";
import { errorText, unavailable } from "../errors.ts";
import type { DeltaLog, Lake, Page, Signal, WrittenCheckpoint } from "../ports.ts";
import { checkCommitted } from "./committing/behind-log.ts";
import { newestDue } from "./publishing/due-checkpoint.ts";
import { type ReadRange, writeSidecars } from "./publishing/sidecar-checkpoint.ts";

/** Files read from SQL at a time. */
export const PAGE_FILES = 5000;

export interface CheckpointOptions {
  readonly signal?: Signal | undefined;
  /** How files are named there; as they are if absent. */
  readonly paths?: PathsFrom | undefined;
  /** True: nothing of the checkpoint before is used again, and what is there is compared and mended. */
  readonly anew?: boolean;
}

/**
 * Only for a published version (PROTOCOL.md, "Checkpoints"). The content depends on SQL rows alone: tombstones and applications
 * expire by the commit's timestamp, not by the clock, so two workers write the same checkpoint. Where the owner of the table wants
 * V2 checkpoints, what has not changed since the one before is named again and not written.
 * @throws LakeError unavailable when the signal comes between two pages
 */
export async function writeCheckpoint(
  lake: Lake,
  log: DeltaLog,
  tableId: string,
  version: number,
  { signal, paths, anew = false }: CheckpointOptions = {},
): Promise<WrittenCheckpoint> {
  const { txns, ...rest } = await lake.catalog.readHeader(tableId, version);
  const header = { ...rest, txns: unexpiredTxns(txns, rest.metadata, rest.timestamp) };
  // Not below 0: a remove without deletionTimestamp counts as 0 and has expired under any retention (docs/delta-rules.md §8.58).
  const newerThan = Math.max(
    0,
    header.timestamp - tableProperties(header.metadata)["delta.deletedFileRetentionDuration"],
  );
  const onTime = <T>(page: () => Promise<T>): Promise<T> => {
    if (signal?.aborted) throw unavailable(`the checkpoint of version ${version} takes longer than there is time`);
    return page();
  };
  const files: ReadRange = (range) =>
    listPages((at) => onTime(() => lake.catalog.readFiles(tableId, version, { ...range, ...at, limit: PAGE_FILES })));
  const tombstones = () =>
    pages<RemoveFile>((at) =>
      onTime(() => lake.catalog.readTombstones(tableId, version, { ...at, newerThan, limit: PAGE_FILES })),
    );
  if (paths === undefined && wantsSidecars(header.protocol, header.metadata)) {
    return writeSidecars(lake, log, { tableId, header, files, tombstones, anew });
  }
  // Its owner does not want sidecars any more.
  if (anew && (await log.isBroken(version))) await log.removeFile(checkpointFileName(version));
  const adds = itemsOf(files({}));
  if (paths === undefined) return log.putCheckpoint({ header, adds, tombstones: tombstones() });
  return log.putCheckpoint({ header, adds: mapped(adds, paths), tombstones: mapped(tombstones(), paths) });
}

/**
 * Writes the newest checkpoint that is due of a table, at the version asked for or above: what came later makes earlier ones
 * needless. Undefined when there is nothing to write: it is there already, none is due any more, or the table is gone.
 * @throws LakeError unavailable when the version is not published yet, or the signal comes first: ask again
 */
export async function writeDueCheckpoint(
  lake: Lake,
  { tableId, version }: { readonly tableId: string; readonly version: number },
  options: { readonly signal?: Signal } = {},
): Promise<WrittenCheckpoint | undefined> {
  const [state] = await lake.catalog.readStates([{ tableId }]);
  if (state === undefined || state.followed) return undefined;
  if (state.version < version) await checkCommitted(lake, { tableId, version });
  const mirrored = await lake.catalog.mirroredVersion(tableId);
  if (mirrored < version) throw unavailable(`version ${version} of ${tableId} is not published yet`);
  const log = lake.openLog(state.location);
  const checkpoint = await log.readLastCheckpoint();
  const due = await newestDue(lake, state, { to: mirrored, checkpoint });
  if (due === undefined || due < state.baseVersion || (checkpoint ?? -1) >= due) return undefined;
  return counted(lake, { tableId, version: due }, () => writeCheckpoint(lake, log, tableId, due, options));
}

/** Counts a checkpoint that was made, or could not be. */
export async function counted<T>(
  lake: Lake,
  ids: { readonly tableId: string; readonly version: number },
  make: () => Promise<T>,
): Promise<T> {
  try {
    const made = await make();
    lake.metrics.record("Checkpoints", 1, "Count", ids);
    return made;
  } catch (error) {
    lake.metrics.record("CheckpointFailures", 1, "Count", { ...ids, error: errorText(error) });
    throw error;
  }
}

async function* mapped<T extends AddFile | RemoveFile>(all: AsyncIterable<readonly T[]>, paths: PathsFrom) {
  for await (const page of all) yield page.map((file) => paths.file(file));
}

async function* itemsOf<T>(all: AsyncIterable<Page<T>>): AsyncGenerator<readonly T[]> {
  for await (const { items } of all) yield items;
}

/** All pages of a keyset read, one after the other. */
export async function* pages<T>(read: (at: { cursor?: string }) => Promise<Page<T>>): AsyncGenerator<readonly T[]> {
  yield* itemsOf(listPages(read));
}

async function* listPages<T, P extends Page<T>>(read: (at: { cursor?: string }) => Promise<P>): AsyncGenerator<P> {
  let cursor: string | undefined;
  do {
    const page = await read(cursor === undefined ? {} : { cursor });
    if (page.items.length > 0) yield page;
    cursor = page.next;
  } while (cursor !== undefined);
}
