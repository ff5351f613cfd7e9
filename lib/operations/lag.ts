/** How far a table's mirror is behind, in seconds: what `dl diff`, the metrics and the alarms speak of. */

import type { Lake, MirrorStatus } from "../ports.ts";

export interface Lag {
  /** Age of the oldest unpublished version; where there is none, the time that the newest took to be published. */
  readonly lagSeconds: number;
  /** True while a version is unpublished. */
  readonly behind: boolean;
  /** The newest version that has a status; a table that was imported and not committed to since has its head's. */
  readonly mirror?: Pick<MirrorStatus, "version" | "status" | "attempts">;
}

export async function readLag(lake: Lake, head: { readonly tableId: string; readonly version: number }): Promise<Lag> {
  const [oldest] = await lake.catalog.unpublished(head.tableId, 1);
  const newest = (await lake.catalog.mirrorStatuses(head.tableId, { after: head.version - 1, limit: 1 })).items[0];
  const status = oldest ?? newest;
  const until = oldest ? lake.clock.now() : (status?.publishedAt ?? status?.committedAt ?? 0);
  const mirror = newest ?? oldest;
  return {
    lagSeconds: status ? Math.max(0, until - status.committedAt) / 1000 : 0,
    behind: oldest !== undefined,
    ...(mirror && { mirror: { version: mirror.version, status: mirror.status, attempts: mirror.attempts } }),
  };
}
