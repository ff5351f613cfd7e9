/** Makes large files of small ones, table by table, at every tick of a clock. Deployed only where somebody wants it: it takes DuckDB along. */

import type { Context } from "aws-lambda";
import { openFileRewriter } from "../lib/lake/compaction.ts";
import { MAINTENANCE_RULES, maintainTable, maintenanceDue } from "../lib/operations/maintenance.ts";
import { around, containerLake, deadlineOf, logger } from "./middleware.ts";

/** Milliseconds before the time is over at which no further group begins: the largest one, of a gigabyte, is read, written and committed. */
const RESERVE_MS = 240_000;

const lakeOf = containerLake();

/** @throws Error at the end when a table failed, so that Lambda counts it; the others are done by then */
export const handler = around(async (_event: unknown, context: Context) => {
  const lake = await lakeOf();
  const signal = deadlineOf(context, RESERVE_MS);
  const rules = { ...MAINTENANCE_RULES, compact: lake.settings.compaction === "all" };
  const failed: string[] = [];
  for await (const due of maintenanceDue(lake, rules, ["compact"])) {
    if (signal.aborted) break;
    const done = await maintainTable(lake, due, rules, { signal, openRewriter: openFileRewriter });
    const { table, tableId, compacted, failure } = done;
    if (failure !== undefined) {
      failed.push(table);
      logger.error("a table could not be compacted", { table, tableId, reason: failure });
    } else logger.info("compacted", { table, tableId, files: compacted });
  }
  if (failed.length > 0) throw new Error(`compaction failed ${failed.length} times, first for ${failed[0]}`);
  return { interrupted: signal.aborted };
});
