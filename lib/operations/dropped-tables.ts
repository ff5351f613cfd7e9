/** Tables that were dropped and are not purged, page by page, the last dropped first. */

import type { DroppedHead, Lake, ListPage } from "../ports.ts";
import { foreignCursor } from "./cursors.ts";
import { undropUntil } from "./tables/missing-table.ts";

export interface DroppedListed extends DroppedHead {
  /** Milliseconds; absent where it cannot come back any more. */
  readonly undropUntil?: number;
}

export interface DroppedOptions {
  readonly cursor?: string;
  readonly limit: number;
  /** Those of which the caller may know; all if absent. */
  readonly visible?: (heads: readonly DroppedHead[]) => Promise<readonly DroppedHead[]>;
}

/** Goes on until the page is full or nothing is left, as lists of tables do. @throws LakeError invalid for a cursor of another list */
export async function listDroppedTables(
  lake: Lake,
  { cursor, limit, visible = async (heads) => heads }: DroppedOptions,
): Promise<ListPage<DroppedListed>> {
  const found: DroppedHead[] = [];
  let place = cursor === undefined ? undefined : readCursor(cursor);
  do {
    const page = await lake.catalog.listDropped({ limit, ...(place === undefined ? {} : { cursor: place }) });
    found.push(...(await visible(page.items)));
    place = page.next;
  } while (place !== undefined && found.length < limit);
  const items = found.slice(0, limit).map((table): DroppedListed => {
    const until = undropUntil(lake, table);
    return until === undefined ? table : { ...table, undropUntil: until };
  });
  const cursorAfter = (count: number): string => writeCursor(items[count - 1]);
  const goesOn = found.length > limit || place !== undefined;
  return { items, cursorAfter, ...(goesOn && items.length > 0 ? { next: cursorAfter(items.length) } : {}) };
}

const CURSOR = /^dropped\.(\d{1,16})\.([0-9a-f-]{36})$/;

function writeCursor(last: DroppedHead | undefined): string {
  return last === undefined ? "" : `dropped.${last.droppedAt}.${last.tableId}`;
}

function readCursor(cursor: string): string {
  const [, time, id] = CURSOR.exec(cursor) ?? [];
  if (time === undefined || id === undefined) throw foreignCursor(cursor);
  return `${time} ${id}`;
}
