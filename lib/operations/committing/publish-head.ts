/** Publishes a table up to its head and lets the clock pass the time of its newest file: before in-commit timestamps are turned on. */

import { unavailable } from "../../errors.ts";
import type { Lake, TableState } from "../../ports.ts";
import { mirrorTable } from "../mirror.ts";

/** A log whose clock is further ahead than this is not waited for. */
const LONGEST_WAIT_MS = 5_000;

/**
 * The first in-commit timestamp must be later than the modification time of the file before it, or readers that search by
 * time find no order there (PROTOCOL.md, "In-Commit Timestamps"; docs/delta-rules.md §3.2).
 * @throws LakeError unavailable while the head cannot be published
 */
export async function publishHead(lake: Lake, { tableId, name, location }: TableState): Promise<void> {
  const { error, quarantined } = await mirrorTable(lake, tableId);
  if (error !== undefined || quarantined !== undefined) {
    throw unavailable(`"${name}" turns in-commit timestamps on, and its log cannot be brought up to date`, {
      code: "MIRROR_BEHIND",
      hint: `The mirror must reach the head first: ${quarantined ?? error?.message}`,
    });
  }
  const newest = (await lake.openLog(location).list()).commits.at(-1);
  const ahead = (newest?.modifiedAt ?? 0) + 1 - lake.clock.now();
  if (ahead > LONGEST_WAIT_MS) {
    throw unavailable(`the clock of the log of "${name}" is ${ahead} ms ahead of ours`, {
      code: "CLOCK_SKEW",
      hint: "Set the clocks right, then turn in-commit timestamps on.",
    });
  }
  if (ahead > 0) await lake.clock.sleep(ahead);
}
