/** Reads the commits that came after a version, page by page. */

import type { Commit } from "../delta/actions.ts";
import type { Lake, TableState } from "../ports.ts";

/** The commits in (after, head]; "forgotten" when SQL does not reach back that far. */
export async function readWinners(
  lake: Lake,
  state: TableState,
  after: number,
): Promise<readonly Commit[] | "forgotten"> {
  if (after < state.baseVersion) return "forgotten";
  const winners: Commit[] = [];
  let next = after + 1;
  while (next <= state.version) {
    const page = await lake.catalog.readCommits(state.tableId, next, state.version);
    if (page.length === 0) break;
    winners.push(...page);
    next = (page.at(-1)?.version ?? state.version) + 1;
  }
  return winners;
}
