/**
 * What vacuum has taken, and what a move has left behind, told by the log to a catalog that has not done it itself, or has forgotten: after a
 * recovery or an import.
 */

import { RETAINED_FROM } from "../../delta/vacuum.ts";
import { isJsonObject } from "../../delta/values/json.ts";
import type { Lake, TableHead } from "../../ports.ts";

const VERSIONS_AT_ONCE = 1000;
/** Operations that say from which version on all files are there. */
const TELLING: readonly unknown[] = ["VACUUM START", "RELOCATE"];

/** Looks at the versions after `after` for what a vacuum or a move of ours has said, and raises the floor. A round trip for every thousand. */
export async function recallVacuum(lake: Lake, { tableId, version }: TableHead, after: number): Promise<void> {
  let floor = -1;
  for (let before: number | undefined = version + 1; before !== undefined && before > after + 1; ) {
    const page: Awaited<ReturnType<typeof lake.catalog.history>> = await lake.catalog.history(tableId, {
      before,
      limit: VERSIONS_AT_ONCE,
    });
    for (const { version: found, commitInfo } of page.items) {
      const { operation, operationParameters } = commitInfo ?? {};
      if (found <= after || !TELLING.includes(operation) || !isJsonObject(operationParameters)) continue;
      const told = Number(operationParameters[RETAINED_FROM]);
      if (Number.isSafeInteger(told) && told <= found) floor = Math.max(floor, told);
    }
    before = page.next === undefined ? undefined : Number(page.next);
  }
  if (floor >= 0) await lake.catalog.condemn(tableId, { floor, at: lake.clock.now() });
}
