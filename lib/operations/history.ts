/** Versions of a table for clients: without their actions, newest first, or with them, oldest first. */

import type { Commit } from "../delta/actions.ts";
import type { TableRef } from "../delta/request.ts";
import type { ActionPlace, Lake, ListPage, MirrorState, PageLimits, VersionSummary } from "../ports.ts";
import { foreignCursor, readActionPlace, readCursor, writeActionPlace, writeCursor } from "./cursors.ts";
import { findHead } from "./read.ts";

export type HistoryEntry = VersionSummary & { readonly mirror: MirrorState };

/** Versions, newest first, each with the state of its mirror. */
export async function tableHistory(
  lake: Lake,
  ref: TableRef,
  options: PageLimits & { readonly before?: number },
): Promise<ListPage<HistoryEntry> & { readonly tableId: string }> {
  const head = await findHead(lake, ref);
  const page = await lake.catalog.history(head.tableId, options);
  const oldest = page.items.at(-1)?.version ?? 0;
  const newest = page.items[0]?.version ?? 0;
  const statuses = await lake.catalog.mirrorStatuses(head.tableId, { after: oldest - 1, limit: newest - oldest + 1 });
  const byVersion = new Map(statuses.items.map((status) => [status.version, status.status]));
  // Versions that came with an import have no status of their own: they were in the log before we were.
  return {
    ...page,
    tableId: head.tableId,
    items: page.items.map((v) => ({ ...v, mirror: byVersion.get(v.version) ?? "COMPLETE" })),
  };
}

/** Some versions, whole ones; or of one version, which is too large for that, some actions. */
export interface CommitsPage {
  readonly tableId: string;
  readonly commits: readonly Commit[];
  /** Of the one commit, which is not whole, where it goes on after the first `count` of its actions; undefined where it ends. */
  readonly cursorAfter?: (count: number) => string | undefined;
}

/**
 * Versions after `after` with all their actions, ascending; or what follows the cursor of a version that was begun.
 * @throws LakeError notFound; invalid for a cursor of another list or table
 */
export async function tableCommits(
  lake: Lake,
  ref: TableRef,
  options: PageLimits & { readonly after?: number; readonly cursor?: string },
): Promise<CommitsPage> {
  const { after = -1, cursor, limit, maxBytes } = options;
  const head = await findHead(lake, ref);
  const { tableId } = head;
  if (cursor !== undefined) {
    const begun = readCursor("actions", cursor);
    if (begun.tableId !== tableId) throw foreignCursor(cursor);
    return commitPart(lake, { tableId, version: begun.version, after: readActionPlace(cursor, begun.place), maxBytes });
  }
  const from = Math.max(after + 1, head.baseVersion);
  const to = Math.min(head.version, from + limit - 1);
  if (from > to) return { tableId, commits: [] };
  const bounds = maxBytes === undefined ? {} : { maxBytes, maxActions: ACTIONS_A_PAGE };
  const commits = await lake.catalog.readCommits(tableId, from, to, bounds);
  return commits.length > 0 ? { tableId, commits } : commitPart(lake, { tableId, version: from, maxBytes });
}

/** Actions that are looked at for one page. */
const ACTIONS_A_PAGE = 20_000;

/** A part of one version, from the beginning if no place is given. @throws LakeError notFound */
export async function commitPart(
  lake: Lake,
  of: {
    readonly tableId: string;
    readonly version: number;
    readonly after?: ActionPlace;
    readonly maxBytes?: number | undefined;
  },
): Promise<CommitsPage> {
  const { tableId, version, after, maxBytes } = of;
  const { commit, places, more } = await lake.catalog.readActions(tableId, version, {
    limit: ACTIONS_A_PAGE,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(after === undefined ? {} : { after }),
  });
  const cursorAfter = (count: number): string | undefined => {
    const place = places[count - 1];
    if (place === undefined || (count === places.length && !more)) return undefined;
    return writeCursor("actions", { tableId, version, place: writeActionPlace(place) });
  };
  return { tableId, commits: [commit], cursorAfter };
}
