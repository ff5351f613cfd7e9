/** The indexes of scans in a server: kept up behind the commits, and begun for columns that scans of large tables ask for. */

import { errorText } from "../../errors.ts";
import { indexScans, wishForIndex } from "../../operations/index-scans.ts";
import type { Lake } from "../../ports.ts";
import type { Logger } from "../../telemetry/log.ts";
import { failureFields } from "./health-log.ts";
import { every, type Schedule } from "./schedule.ts";

/** Seconds between two runs: what was committed since is looked at file by file. */
const INDEX_SECONDS = 2;
/** Wishes that are remembered until the next run. */
const MAX_WISHES = 100;

export interface ScanIndexer extends Schedule {
  wish(tableId: string, columnId: string): void;
  start(): void;
}

export function openScanIndexer(lake: Lake, logger: Logger): ScanIndexer {
  const ending = new AbortController();
  const { signal } = ending;
  const wishes = new Map<string, { readonly tableId: string; readonly columnId: string }>();
  let schedule: Schedule | undefined;
  const run = async (): Promise<void> => {
    const asked = [...wishes.values()];
    wishes.clear();
    for (const { tableId, columnId } of asked) {
      try {
        if (await wishForIndex(lake, tableId, columnId)) {
          logger.info({ tableId, column: columnId }, "scans ask for this column: an index is being made");
        }
      } catch (error) {
        logger.warn({ tableId, column: columnId }, `no index is made for scans: ${errorText(error)}`);
      }
    }
    await indexScans(lake, { signal });
  };
  return {
    wish(tableId, columnId) {
      if (wishes.size < MAX_WISHES) wishes.set(`${tableId} ${columnId}`, { tableId, columnId });
    },
    start() {
      schedule = every(INDEX_SECONDS, run, (error) =>
        logger.error(failureFields(error), `indexing of scans failed: ${errorText(error)}`),
      );
    },
    /** Ends a run after the batch that it is at. */
    async stop() {
      ending.abort();
      await schedule?.stop();
    },
  };
}
