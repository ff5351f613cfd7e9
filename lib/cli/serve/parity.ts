/** Scheduled parity checks of a server: every table, one after the other; results stay for the next scrape. */

import type { Config } from "../../config.ts";
import { errorText, isLakeError } from "../../errors.ts";
import { checkParity } from "../../operations/parity.ts";
import { allTables } from "../../operations/read.ts";
import type { Lake } from "../../ports.ts";
import type { Logger } from "../../telemetry/log.ts";
import { EVENT_METRICS, TABLE_METRICS } from "../../telemetry/metric-names.ts";
import type { Sample } from "../../telemetry/samples.ts";
import { failureFields, type HealthLog } from "./health-log.ts";

export interface ParityChecks {
  /** Checks every table once. */
  /** @returns what the check of each table found, beyond what it wrote into SQL */
  run(): Promise<readonly Sample[]>;
  /** Ends a run after the table that it is at. */
  stop(): void;
}

export function openParityChecks(
  lake: Lake,
  thresholds: Config["parity"],
  { logger, health }: { readonly logger: Logger; readonly health: HealthLog },
): ParityChecks {
  /** Checks that found drift, by table and the version at which it was. */
  const drifts = new Map<string, { readonly version: string; count: number }>();
  let stopped = false;

  async function check(tableId: string): Promise<Sample[]> {
    const report = await checkParity(lake, {
      tableId,
      lagThresholdSeconds: thresholds.lag_threshold_seconds,
      maxDriftFiles: thresholds.max_drift_files,
    });
    const { outcome } = report;
    lake.metrics.record(EVENT_METRICS.parityChecks.cloudwatch, 1, "Count", { tableId });
    if (outcome === "drift") {
      const version = String(report.comparedVersion ?? report.sqlVersion);
      const before = drifts.get(tableId);
      drifts.set(tableId, { version, count: before?.version === version ? before.count + 1 : 1 });
    }
    await health.look(tableId);
    const labels = { table_id: tableId };
    return [{ metric: TABLE_METRICS.versionDelta, labels, value: report.versionDelta }, ...driftTotal(tableId)];
  }

  function driftTotal(tableId: string): Sample[] {
    const drift = drifts.get(tableId);
    if (drift === undefined) return [];
    const labels = { table_id: tableId, version: drift.version };
    return [{ metric: TABLE_METRICS.parityDrift, labels, value: drift.count }];
  }

  return {
    async run() {
      const found: Sample[] = [];
      for await (const { tableId, name } of allTables(lake)) {
        if (stopped) break;
        try {
          found.push(...(await check(tableId)));
        } catch (error) {
          // Dropped since it was listed: nothing to compare any more.
          if (isLakeError(error, "notFound")) continue;
          logger.error(
            { tableId, table: name, ...failureFields(error) },
            `the parity check failed: ${errorText(error)}`,
          );
        }
      }
      return found;
    },
    stop() {
      stopped = true;
    },
  };
}
