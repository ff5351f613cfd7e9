/** How far a table's mirror is behind, in seconds: what `dl diff` speaks of. */

import { mirrorStateOf } from "../../delta/health.ts";
import { ageMs } from "../../delta/values/age.ts";
import type { Lake, MirrorStatus } from "../../ports.ts";

export interface Lag {
  /** Age of the oldest unpublished version; where there is none, the time that the newest took to be published. */
  readonly lagSeconds: number;
  /** True while a version is unpublished. */
  readonly behind: boolean;
  /**
   * The version that holds up all others, else the newest one. FAILED where nothing can be published, however new the newest
   * commit is. Absent for a table that was imported and not committed to since.
   */
  readonly mirror?: Pick<MirrorStatus, "version" | "status" | "attempts">;
}

export async function readLag(lake: Lake, head: { readonly tableId: string; readonly version: number }): Promise<Lag> {
  const [facts] = await lake.catalog.mirrorFacts([head.tableId]);
  if (facts?.oldest) {
    const { version, attempts, committedAt } = facts.oldest;
    const lagSeconds = ageMs(facts.now, committedAt) / 1000;
    return { lagSeconds, behind: true, mirror: { version, status: mirrorStateOf(facts), attempts } };
  }
  const newest = (await lake.catalog.mirrorStatuses(head.tableId, { after: head.version - 1, limit: 1 })).items[0];
  if (newest === undefined) return { lagSeconds: 0, behind: false };
  const { version, attempts, committedAt, publishedAt = committedAt } = newest;
  const status = facts === undefined ? newest.status : mirrorStateOf(facts);
  const lagSeconds = Math.max(0, publishedAt - committedAt) / 1000;
  return { lagSeconds, behind: false, mirror: { version, status, attempts } };
}
