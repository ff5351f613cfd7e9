/** Writes a checkpoint of one version from SQL, in pages, so that memory does not grow with the table. */

import type { AddFile, RemoveFile } from "../delta/actions.ts";
import { deletedFileRetentionMs } from "../delta/properties.ts";
import { unavailable } from "../errors.ts";
import type { DeltaLog, Lake, Page, WrittenCheckpoint } from "../ports.ts";

const PAGE_FILES = 5000;

/**
 * Only for a published version (PROTOCOL.md, "Checkpoints"). The content depends on SQL rows alone: tombstones expire by the
 * commit's timestamp, not by the clock, so two workers write the same checkpoint.
 * @throws LakeError unavailable when `isOver` says so between two pages
 */
export async function writeCheckpoint(
  lake: Lake,
  log: DeltaLog,
  tableId: string,
  version: number,
  { isOver = () => false }: { readonly isOver?: () => boolean } = {},
): Promise<WrittenCheckpoint> {
  const header = await lake.catalog.readHeader(tableId, version);
  // Not below 0: a remove without deletionTimestamp counts as 0 and has expired under any retention (delta-rules.md §8.58).
  const newerThan = Math.max(0, header.timestamp - deletedFileRetentionMs(header.metadata));
  const onTime = <T>(page: () => Promise<T>): Promise<T> => {
    if (isOver()) throw unavailable(`the checkpoint of version ${version} takes longer than there is time`);
    return page();
  };
  return log.putCheckpoint({
    header,
    adds: pages<AddFile>((at) => onTime(() => lake.catalog.readFiles(tableId, version, { ...at, limit: PAGE_FILES }))),
    tombstones: pages<RemoveFile>((at) =>
      onTime(() => lake.catalog.readTombstones(tableId, version, { ...at, newerThan, limit: PAGE_FILES })),
    ),
  });
}

/** All pages of a keyset read, one after the other. */
export async function* pages<T>(read: (at: { cursor?: string }) => Promise<Page<T>>): AsyncGenerator<readonly T[]> {
  let cursor: string | undefined;
  do {
    const page: Page<T> = await read(cursor === undefined ? {} : { cursor });
    if (page.items.length > 0) yield page.items;
    cursor = page.next;
  } while (cursor !== undefined);
}
