/** The Metrics port in CloudWatch's embedded metric format, on stdout. Two dimensions, service and stage; ids are properties (ARCHITECTURE.md D13). */

import { MetricUnit, Metrics as Powertools } from "@aws-lambda-powertools/metrics";
import { type DiffReport, driftCounts } from "../delta/diff.ts";
import type { DriftKind } from "../delta/health.ts";
import type { Metrics } from "../ports.ts";
import {
  DRIFT_METRICS,
  EVENT_METRICS,
  type Metric,
  type MetricName,
  NAMESPACE,
  STATE_METRICS,
  TABLE_METRICS,
} from "./metric-names.ts";

const UNITS = {
  Count: MetricUnit.Count,
  Milliseconds: MetricUnit.Milliseconds,
  Seconds: MetricUnit.Seconds,
  Bytes: MetricUnit.Bytes,
} as const;

/** What goes well, and whatever is measured: by the hundred in a call. All else is news, and must not wait for a call that may never end. */
const GATHERED: ReadonlySet<MetricName> = new Set(
  [EVENT_METRICS, STATE_METRICS, TABLE_METRICS, DRIFT_METRICS]
    .flatMap((metrics) => Object.values(metrics) as readonly Metric<MetricName>[])
    .filter(({ kind }) => kind !== "counter")
    .concat(EVENT_METRICS.commits, EVENT_METRICS.parityChecks, EVENT_METRICS.checkpoints, EVENT_METRICS.sweeps)
    .map(({ cloudwatch }) => cloudwatch),
);
/** Different values of one property in a line. */
const MAX_VALUES = 20;

/** The metrics of one function. */
export interface FunctionMetrics extends Metrics {
  /** Writes what was gathered, as one line; its properties are those of all measurements, several values with a space between them. */
  flush(properties?: Readonly<Record<string, string>>): void;
}

/** Opens the metrics of one function. What fails is a line of its own, written at once; the rest waits for the end of the call. */
export function openEmf({ service, stage }: { readonly service: string; readonly stage: string }): FunctionMetrics {
  const metrics = new Powertools({ namespace: NAMESPACE, serviceName: service, defaultDimensions: { stage } });
  const gathered = new Map<string, Set<string>>();
  return {
    record(name, value, unit, properties = {}) {
      const known = Object.entries(properties).flatMap(([key, property]) =>
        property === undefined ? [] : [[key, String(property)] as const],
      );
      if (GATHERED.has(name)) {
        for (const [key, property] of known) {
          const values = gathered.get(key) ?? new Set();
          if (values.size < MAX_VALUES) gathered.set(key, values.add(property));
        }
        metrics.addMetric(name, UNITS[unit], value);
        return;
      }
      const single = metrics.singleMetric();
      for (const [key, property] of known) single.addMetadata(key, property);
      single.addMetric(name, UNITS[unit], value);
    },
    flush(properties = {}) {
      if (!metrics.hasStoredMetrics()) return;
      for (const [key, values] of gathered) metrics.addMetadata(key, [...values].join(" "));
      for (const [key, value] of Object.entries(properties)) metrics.addMetadata(key, value);
      gathered.clear();
      metrics.publishStoredMetrics();
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
