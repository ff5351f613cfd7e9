/** The bytes of a classic checkpoint as a stream of row groups: memory is that of one group, however many files a table has. */

import type { AddFile, RemoveFile } from "../delta/actions.ts";
import { corrupt } from "../errors.ts";
import { openRowGroup, type RowGroup } from "../parquet/write/group.ts";
import { openSplice } from "../parquet/write/splice.ts";
import type { CheckpointContent } from "../ports.ts";
import { type CheckpointColumns, openCheckpointColumns } from "./checkpoint-rows.ts";
import { textSize } from "./text-size.ts";

/** A row group ends at this many rows, … */
const GROUP_ROWS = 20_000;
/** … or when its paths and statistics have about this many bytes: a single `stats` may be a megabyte. */
const GROUP_BYTES = 32 * 2 ** 20;

/** What went into a checkpoint so far. */
export interface Tally {
  rows: number;
  adds: number;
  bytes: number;
  /** True when all content and the footer have been handed over. */
  ended: boolean;
  /** What broke the stream. A store may report it in a form of its own. */
  failure?: unknown;
}

export function openTally(): Tally {
  return { rows: 0, adds: 0, bytes: 0, ended: false };
}

/**
 * The protocol is in a row group of its own, and so are metadata, txns and domains together, adds and removes: by the null counts in
 * the footer a reader skips what it does not look for.
 * @throws LakeError corrupt when the adds are not as many as the header says; before the footer, so no store publishes it
 */
export async function* encodeCheckpoint(content: CheckpointContent, tally: Tally): AsyncGenerator<Uint8Array> {
  const splice = openSplice("spark_schema");
  try {
    for await (const file of rowGroups(content, tally)) {
      const chunk = splice.append(file);
      tally.bytes += chunk.length;
      yield chunk;
    }
    const end = splice.end();
    tally.bytes += end.length;
    tally.ended = true;
    yield end;
  } catch (error) {
    tally.failure = error;
    throw error;
  }
}

/** The row groups, each as a Parquet file of its own. */
async function* rowGroups({ header, adds, tombstones }: CheckpointContent, tally: Tally): AsyncGenerator<Uint8Array> {
  const columns = openCheckpointColumns(header.metadata);
  const group = openRowGroup(columns);
  let bytes = 0;
  const isFull = (size: number): boolean => {
    bytes += size;
    return group.rows >= GROUP_ROWS || bytes >= GROUP_BYTES;
  };
  const take = (options?: { readonly plain: boolean }): Uint8Array => {
    tally.rows += group.rows;
    bytes = 0;
    return group.take(options);
  };

  yield* headerGroups(header, columns, { group, isFull, take });
  for await (const batch of adds) {
    for (const add of batch) {
      group.put(columns.add, add);
      tally.adds += 1;
      if (isFull(fileSize(add))) yield take();
    }
  }
  checkAdds(tally.adds, header);
  if (group.rows > 0) yield take();
  for await (const batch of tombstones) {
    for (const remove of batch) {
      group.put(columns.remove, remove);
      if (isFull(fileSize(remove))) yield take();
    }
  }
  if (group.rows > 0) yield take();
}

/** A row group that is being filled, and when it is full. */
interface Filling {
  readonly group: RowGroup;
  /** @param size characters of the row that was put last */
  isFull(size: number): boolean;
  take(options?: { readonly plain: boolean }): Uint8Array;
}

/** All but the file actions. */
export function* headerGroups(
  header: CheckpointContent["header"],
  columns: CheckpointColumns,
  { group, isFull, take }: Filling,
): Generator<Uint8Array> {
  // Names of features as they are, so that one can be taken out without writing the file anew.
  group.put(columns.protocol, header.protocol);
  yield take({ plain: true });
  group.put(columns.metaData, header.metadata);
  for (const txn of header.txns) {
    group.put(columns.txn, txn);
    if (isFull(textSize(txn.appId))) yield take();
  }
  for (const domain of header.domains) {
    group.put(columns.domainMetadata, domain);
    if (isFull(textSize(domain.domain) + textSize(domain.configuration))) yield take();
  }
  if (group.rows > 0) yield take();
}

/** Characters of a file action, about. */
export function fileSize(file: AddFile | RemoveFile): number {
  const { path, partitionValues, stats, deletionVector, tags } = file;
  const size = textSize(path) + textSize(partitionValues ?? null) + textSize(stats ?? null);
  return size + textSize(deletionVector?.pathOrInlineDv ?? null) + textSize(tags ?? null);
}

function checkAdds(adds: number, { numFiles, version }: CheckpointContent["header"]): void {
  if (adds === numFiles) return;
  throw corrupt(`version ${version} has ${numFiles} live files, but ${adds} were read for its checkpoint`, {
    code: "CHECKPOINT_MISMATCH",
    hint: "Nothing was written. Compare the table with its log (dl diff).",
    facts: { version, numFiles, numAdds: adds },
  });
}
