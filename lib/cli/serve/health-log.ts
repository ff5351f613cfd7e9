/** The log of a server about its tables: one line for each change of a state, with the name of the table and what to do. */

import { isStopCode } from "../../delta/health.ts";
import { errorText, isLakeError } from "../../errors.ts";
import { changeLine, type HealthChange, openHealthWatch } from "../../operations/health-watch.ts";
import { type CheckedTable, healthOfTables } from "../../operations/table-health.ts";
import type { Lake } from "../../ports.ts";
import type { Logger } from "../../telemetry/log.ts";

export interface HealthLog {
  /** All tables that are not settled, as a sweep has seen them. */
  swept(unsettled: readonly CheckedTable[]): void;
  /** Looks at one table again: something has happened to it. @throws LakeError unavailable */
  look(tableId: string): Promise<void>;
  /** A run of the mirror that failed. What is expected shows in the state of the table; only a defect has a stack. */
  mirrorFailed(tableId: string, error: unknown): void;
}

/** What a log says of a failure: what is expected to happen has no stack. */
export function failureFields(error: unknown): Record<string, unknown> {
  if (!isLakeError(error) || error.kind === "internal") return { err: error };
  return { code: error.code, hint: error.hint };
}

export function openHealthLog(lake: Lake, logger: Logger): HealthLog {
  const watch = openHealthWatch();
  /** Texts of failures that no state shows, by table. */
  const told = new Map<string, string>();
  const say = (changes: readonly HealthChange[]) => {
    for (const { level, message, fields } of changes.map(changeLine)) logger[level](fields, message);
  };
  async function look(tableId: string): Promise<void> {
    say(watch.lookAt([...(await healthOfTables(lake, [tableId])).values()], lake.clock.now()));
  }
  return {
    swept: (unsettled) => say(watch.look(unsettled, lake.clock.now())),
    look,
    mirrorFailed(tableId, error) {
      const text = errorText(error);
      if (!isLakeError(error) || error.kind === "internal") {
        logger.error({ tableId, err: error }, `the mirror failed: ${text}`);
        return;
      }
      const isShown = error.kind === "unavailable" || isStopCode(error.code);
      if (!isShown && told.get(tableId) !== text) {
        told.set(tableId, text);
        logger.error({ tableId, code: error.code, hint: error.hint }, `the mirror cannot go on: ${text}`);
      } else logger.debug({ tableId, code: error.code }, `the mirror did not get on: ${text}`);
      // A database that is away is told of by whoever asked it; the next sweep looks again.
      look(tableId).catch(() => undefined);
    },
  };
}
