/** Forgets a table, once all that it has acknowledged is in its log (ARCHITECTURE.md D41). */

import type { TableRef } from "../delta/request.ts";
import { pauseMs } from "../delta/values/age.ts";
import { LakeError } from "../errors.ts";
import type { DropOptions, Lake, TableHead } from "../ports.ts";
import { forgetTable } from "./committing/table-states.ts";
import { findHead } from "./read.ts";

/** Longest wait for the mirror; API Gateway cuts at 30 s. */
const PUBLISH_WAIT_MS = 10_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

export interface DroppedTable {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  /** Versions that were acknowledged, and are in no log: given up. */
  readonly givenUp: number;
}

/**
 * Forgets a table. Its name and location are free again, its files and its log stay, and whoever imports them finds every
 * version that was acknowledged: what is unpublished is published first, by the mirror, for which this waits. `giveUp` waits
 * for nothing. A commit that is under way is either before the drop, and waited for, or finds no table. Dropping a table
 * that is dropped already finds nothing: whoever lost the answer takes that as done.
 * @throws LakeError notFound; conflict UNPUBLISHED_VERSIONS, after ten seconds, or at once when the table is quarantined
 */
export async function dropTable(
  lake: Lake,
  ref: TableRef,
  options: DropOptions = { unpublished: "keep" },
): Promise<DroppedTable> {
  const head = await findHead(lake, ref);
  const { tableId, name, location } = head;
  let waitedMs = 0;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const outcome = await lake.catalog.dropTable(tableId, options);
    if (outcome.dropped) {
      forgetTable(lake, head);
      // A hint: the log is told that its table is dropped.
      await lake.queue.enqueue([head]);
      return { tableId, name, location, givenUp: outcome.unpublished };
    }
    const isInVain = head.quarantine !== undefined || waitedMs + pause > PUBLISH_WAIT_MS;
    if (isInVain) throw await unpublishedVersions(lake, head, outcome.unpublished);
    if (pause === FIRST_PAUSE_MS) await lake.queue.enqueue([head]);
    const before = lake.clock.now();
    await lake.clock.sleep(pause);
    waitedMs += pauseMs(lake.clock.now(), before, pause);
  }
}

async function unpublishedVersions(lake: Lake, head: TableHead, unpublished: number): Promise<LakeError> {
  const { tableId, name } = head;
  const [oldest] = await lake.catalog.unpublished(tableId, 1);
  const why = head.quarantine ?? oldest?.lastError ?? "the mirror has not come to them yet";
  const versions = unpublished === 1 ? "1 version" : `${unpublished} versions`;
  return new LakeError("conflict", `"${name}" has ${versions} in SQL alone: ${why}`, {
    code: "UNPUBLISHED_VERSIONS",
    hint: "Let the mirror publish them (`dl mirror` says what keeps it), and drop the table then; or give them up with force.",
    facts: { tableId, unpublished },
  });
}
