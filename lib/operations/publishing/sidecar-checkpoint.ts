/** A V2 checkpoint out of the one before: SQL says which ranges of files have changed, and only these are written (ARCHITECTURE.md D99). */

import type { AddFile, RemoveFile } from "../../delta/actions.ts";
import { planRanges } from "../../delta/sidecars.ts";
import { isLakeError } from "../../errors.ts";
import type { DeltaLog, Lake, ListPage, Sidecar, SidecarPart, SnapshotHeader, WrittenCheckpoint } from "../../ports.ts";

/** Pages of the live files from one cursor to another, of all if absent. */
export type ReadRange = (range: {
  readonly cursor?: string;
  readonly upTo?: string;
}) => AsyncIterable<ListPage<AddFile>>;

export interface SidecarSource {
  readonly tableId: string;
  readonly header: SnapshotHeader;
  readonly files: ReadRange;
  readonly tombstones: () => AsyncIterable<readonly RemoveFile[]>;
  readonly anew: boolean;
}

/**
 * The checkpoint that `_last_checkpoint` names is built on, where it is ours and whole. The fingerprints of all sidecars have to come to
 * that of the version: where they do not, as after a restored database, everything is written anew.
 * @throws LakeError corrupt CHECKPOINT_MISMATCH, unavailable
 */
export async function writeSidecars(lake: Lake, log: DeltaLog, source: SidecarSource): Promise<WrittenCheckpoint> {
  const { header, files, anew } = source;
  const put = (parts: readonly SidecarPart[], known: readonly Sidecar[]) =>
    log.putSidecarCheckpoint({
      ...{ header, parts, known, anew },
      tombstones: source.tombstones(),
      fingerprintOf: lake.catalog.fingerprintOf,
      now: lake.clock.now(),
    });
  const base = anew ? undefined : await baseOf(lake, log, source);
  if (base !== undefined) {
    try {
      return await put(base.parts, base.known);
    } catch (error) {
      if (!isLakeError(error, "corrupt") || error.code !== "CHECKPOINT_MISMATCH") throw error;
    }
  }
  const there = anew ? await log.readSidecars(header.version, header.metadata, { unchecked: true }) : undefined;
  // In the ranges of what is to be mended: so the same bytes come again, and mend older checkpoints that name them, too.
  const ends = endsOf(there ?? []);
  return put(
    [...ends.keys(), ends.length].map((i) => ({ adds: files(between(ends[i - 1], ends[i])) })),
    [],
  );
}

function endsOf(sidecars: readonly Sidecar[]): readonly string[] {
  return sidecars.filter(({ kind }) => kind === "adds").map(({ end }) => end);
}

function between(cursor: string | undefined, upTo: string | undefined): Parameters<ReadRange>[0] {
  return { ...(cursor === undefined ? {} : { cursor }), ...(upTo === undefined ? {} : { upTo }) };
}

/** What becomes of the sidecars of the checkpoint before; undefined where there is none to build on. */
async function baseOf(
  lake: Lake,
  log: DeltaLog,
  { tableId, header, files }: SidecarSource,
): Promise<{ readonly parts: readonly SidecarPart[]; readonly known: readonly Sidecar[] } | undefined> {
  const { version, metadata } = header;
  const before = await log.readLastCheckpoint();
  if (before === undefined || before >= version) return undefined;
  // SQL may have forgotten what was removed before its oldest version.
  const oldest = (await lake.catalog.findTable({ tableId }))?.baseVersion;
  if (oldest === undefined || before < oldest) return undefined;
  const known = await log.readSidecars(before, metadata);
  if (known === undefined) return undefined;
  const adds = known.filter(({ kind }) => kind === "adds");
  const ends = endsOf(known);
  const lost = await lake.catalog.rangesLosing(tableId, { after: before, upTo: version, ends });
  const parts = planRanges(adds, lost).map(({ first, last, isKept }): SidecarPart => {
    const kept = isKept ? adds[first] : undefined;
    if (kept !== undefined) return { kept };
    return { adds: files(between(ends[first - 1], ends[last])) };
  });
  return { parts, known };
}
