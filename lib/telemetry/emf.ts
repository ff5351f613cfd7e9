/** The Metrics port in CloudWatch's embedded metric format, on stdout. Two dimensions, service and stage; ids are properties (ARCHITECTURE.md D13). */

import { MetricUnit, Metrics as Powertools } from "@aws-lambda-powertools/metrics";
import { type DiffReport, driftCounts } from "../delta/diff.ts";
import type { DriftKind } from "../delta/health.ts";
import type { Metrics } from "../ports.ts";
import { DRIFT_METRICS, type MetricName, NAMESPACE, TABLE_METRICS } from "./metric-names.ts";

const SERVICE = "deltalakedb";
const UNITS = {
  Count: MetricUnit.Count,
  Milliseconds: MetricUnit.Milliseconds,
  Seconds: MetricUnit.Seconds,
  Bytes: MetricUnit.Bytes,
} as const;

/** Opens the metrics of one function. A measurement with properties is a line of its own, written at once. */
export function openEmf({ stage }: { readonly stage: string }): Metrics {
  const metrics = new Powertools({ namespace: NAMESPACE, serviceName: SERVICE, defaultDimensions: { stage } });
  return {
    record(name, value, unit, properties = {}) {
      const single = metrics.singleMetric();
      for (const [key, property] of Object.entries(properties)) {
        if (property !== undefined) single.addMetadata(key, String(property));
      }
      single.addMetric(name, UNITS[unit], value);
    },
  };
}

/** What a parity check of one table measures; zeros, too, so that an alarm ends. */
export function recordDrift(metrics: Metrics, report: DiffReport): void {
  const { tableId, table, versionDelta, lagSeconds, comparedVersion } = report;
  const properties = { tableId, table, version: comparedVersion };
  const record = (metric: { readonly cloudwatch: MetricName }, value: number) =>
    metrics.record(metric.cloudwatch, value, "Count", properties);
  for (const [kind, count] of Object.entries(driftCounts(report))) {
    const isFlag = kind === "metadata" || kind === "protocol";
    record(DRIFT_METRICS[kind as DriftKind], isFlag ? Math.min(1, count) : count);
  }
  record(TABLE_METRICS.versionDelta, versionDelta);
  record(TABLE_METRICS.mirrorLagSeconds, lagSeconds);
  if (report.outcome === "drift") record(TABLE_METRICS.parityDrift, 1);
}
