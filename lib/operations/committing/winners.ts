/** Reads the commits that came after a version, of several tables at once, page by page. */

import type { Commit } from "../../delta/actions.ts";
import type { Lake, TableState } from "../../ports.ts";

export interface Since {
  readonly state: TableState;
  readonly after: number;
}

/** For each table the commits in (after, head]; "forgotten" where SQL does not reach back that far. */
export async function readWinners(
  lake: Lake,
  tables: readonly Since[],
): Promise<readonly (readonly Commit[] | "forgotten")[]> {
  const known = tables.filter(({ state, after }) => after >= state.baseVersion);
  const pages = await lake.catalog.readCommitsOf(
    known.map(({ state, after }) => ({ tableId: state.tableId, from: after + 1, to: state.version })),
  );
  const winners = new Map<Since, readonly Commit[]>();
  for (const [i, table] of known.entries()) winners.set(table, await withRest(lake, table.state, pages[i] ?? []));
  return tables.map((table) => winners.get(table) ?? "forgotten");
}

/** A page ends where it holds very many actions. */
async function withRest(lake: Lake, state: TableState, first: readonly Commit[]): Promise<readonly Commit[]> {
  const winners = [...first];
  for (let page = first; page.length > 0; ) {
    const next = (page.at(-1)?.version ?? state.version) + 1;
    if (next > state.version) break;
    [page = []] = await lake.catalog.readCommitsOf([{ tableId: state.tableId, from: next, to: state.version }]);
    winners.push(...page);
  }
  return winners;
}
