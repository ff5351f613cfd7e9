/** The Metrics port over a Prometheus registry, for the local server. Ids in properties never become labels (ARCHITECTURE.md D13). */

import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";
import type { Metrics } from "../ports.ts";
import { EVENT_METRICS, type Metric, type MetricName } from "./metric-names.ts";

/** The only properties that become labels: each has few values. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  RequestDuration: ["method", "route", "status"],
  CommitDuration: ["status"],
};
/** Seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface PrometheusMetrics extends Metrics {
  readonly contentType: string;
  /** Everything recorded so far, in Prometheus' text format. */
  render(): Promise<string>;
  /** The same, for {@link renderTogether}. */
  read(): Promise<Recorded>;
}

/** What one process has recorded, as plain data. */
export type Recorded = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Of several processes: counts are added, and what says something of one alone is left out. */
export function renderTogether(processes: readonly Recorded[]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes] as object[]).metrics();
}

/** Opens a registry of its own, with the metrics of the Node process in it. */
export function openPrometheus(): PrometheusMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const recorders = new Map<MetricName, Recorder>();
  for (const metric of Object.values(EVENT_METRICS)) recorders.set(metric.cloudwatch, recorderOf(metric, registry));
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    read: () => registry.getMetricsAsJSON(),
    record(name, value, unit, properties = {}) {
      // The state of tables is read when it is asked for: see exposition() in samples.ts.
      const recorder = recorders.get(name);
      if (recorder === undefined) return;
      const labels = Object.fromEntries((LABELS[name] ?? []).map((label) => [label, String(properties[label] ?? "")]));
      recorder(unit === "Milliseconds" ? value / 1000 : value, labels);
    },
  };
}

/** The same, blind to how long things take. */
export function withoutDurations(metrics: PrometheusMetrics): PrometheusMetrics {
  return {
    ...metrics,
    record(name, value, unit, properties) {
      if (unit !== "Milliseconds") metrics.record(name, value, unit, properties);
    },
  };
}

type Recorder = (value: number, labels: Record<string, string>) => void;

function recorderOf(metric: Metric, registry: Registry): Recorder {
  const options = {
    name: metric.prometheus,
    help: metric.help,
    registers: [registry],
    labelNames: LABELS[metric.cloudwatch] ?? [],
  };
  if (metric.kind === "histogram") {
    const histogram = new Histogram({ ...options, buckets: BUCKETS });
    return (value, labels) => histogram.observe(labels, value);
  }
  if (metric.kind === "gauge") {
    const gauge = new Gauge(options);
    return (value, labels) => gauge.set(labels, value);
  }
  const counter = new Counter(options);
  return (value, labels) => counter.inc(labels, value);
}
