/** Upkeep removes nothing from a table whose log is not what SQL takes it for, nor does such a table move. */

import { isStopped, type TableHealth } from "../../delta/health.ts";
import { LakeError } from "../../errors.ts";
import type { Lake, TableHead } from "../../ports.ts";
import { healthOfTables } from "../table-health.ts";

/** Whoever has written to the log without us may need what SQL takes for removed. @throws LakeError conflict MIRROR_STOPPED */
export async function requireSoundMirror(
  lake: Lake,
  { tableId, name }: TableHead,
  refused = `nothing of "${name}" is removed`,
): Promise<void> {
  const health = (await healthOfTables(lake, [tableId])).get(tableId)?.health;
  if (health === undefined || isSound(health)) return;
  throw new LakeError("conflict", `${refused} while its log is ${health.state}: ${health.reason}`, {
    code: "MIRROR_STOPPED",
    ...(health.hint === undefined ? {} : { hint: health.hint }),
    facts: { tableId, health },
  });
}

/** False where SQL may not know all that is in the log, or the log lacks what it should have. */
export function isSound({ state }: TableHealth): boolean {
  return !isStopped(state) && state !== "failed";
}
