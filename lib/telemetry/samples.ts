/** Samples with labels as Prometheus text: for the files of `dl diff` and the per-table part of `GET /metrics`. Pure. */

import type { DiffReport } from "../delta/diff.ts";
import {
  DRIFT_KINDS,
  type DriftCounts,
  HEALTH_STATES,
  type HealthState,
  type MirrorFacts,
  mirrorStateOf,
  type TableHealth,
} from "../delta/health.ts";
import type { MirrorState } from "../ports.ts";
import { type Metric, MIRROR_STATUS_VALUES, SCRAPED_METRICS, STATE_METRICS, TABLE_METRICS } from "./metric-names.ts";

export interface Sample {
  readonly metric: Metric;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One line a sample, without HELP and TYPE: what node_exporter's textfile collector and `file_sd` pipelines read. */
export function sampleLines(samples: readonly Sample[]): string {
  return samples.map((sample) => `${sample.metric.prometheus}${labelText(sample.labels)} ${sample.value}\n`).join("");
}

/** The exposition format of a scrape: samples grouped by metric, each group under its HELP and TYPE. */
export function exposition(samples: readonly Sample[]): string {
  return [...Map.groupBy(samples, ({ metric }) => metric.prometheus).values()].map(family).join("");
}

function family(samples: readonly Sample[]): string {
  const [first] = samples;
  if (first === undefined) return "";
  const { prometheus, help, kind } = first.metric;
  return `# HELP ${prometheus} ${help}\n# TYPE ${prometheus} ${kind}\n${sampleLines(samples)}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

interface MirroredVersion {
  readonly version: number;
  readonly status: MirrorState;
  readonly attempts: number;
}

function mirrorSamples(tableId: string, lagSeconds: number, mirror: MirroredVersion): Sample[] {
  const labels = { table_id: tableId, version: String(mirror.version) };
  return [
    { metric: TABLE_METRICS.mirrorLagSeconds, labels: { table_id: tableId }, value: lagSeconds },
    { metric: TABLE_METRICS.mirrorStatus, labels, value: MIRROR_STATUS_VALUES[mirror.status] },
    { metric: TABLE_METRICS.reconciliationAttempts, labels, value: mirror.attempts },
  ];
}

/**
 * A table as SQL knows it: of its mirror, its health, and what the last parity check of it found. The metrics of the operations
 * guide have the id alone; dl_table_health brings the name to it.
 */
export function tableSamples(facts: MirrorFacts, health: TableHealth): Sample[] {
  const labels = { table_id: facts.tableId, table: facts.table };
  const { version, attempts } = facts.oldest ?? { version: facts.version, attempts: 0 };
  const status = mirrorStateOf(facts);
  return [
    ...mirrorSamples(facts.tableId, health.lagSeconds, { version, status, attempts }),
    { metric: SCRAPED_METRICS.health, labels: { ...labels, state: health.state }, value: 1 },
    { metric: SCRAPED_METRICS.unpublished, labels, value: health.unpublishedVersions },
    ...(facts.parity ? comparedSamples(labels, facts.tableId, facts.parity.drift) : []),
  ];
}

/** Zeros, too, so that an alarm ends. */
function comparedSamples(named: Sample["labels"], tableId: string, drift: DriftCounts): Sample[] {
  const labels = { table_id: tableId };
  const { files = 0, metadata = 0, protocol = 0 } = drift;
  return [
    { metric: TABLE_METRICS.fileDriftCount, labels, value: files },
    { metric: TABLE_METRICS.metadataDrift, labels, value: Math.min(1, metadata) },
    { metric: TABLE_METRICS.protocolDrift, labels, value: Math.min(1, protocol) },
    ...DRIFT_KINDS.map((kind) => ({
      metric: SCRAPED_METRICS.drift,
      labels: { ...named, kind },
      value: drift[kind] ?? 0,
    })),
  ];
}

export function stateSamples(counts: Readonly<Record<HealthState, number>>): Sample[] {
  return HEALTH_STATES.map((state) => ({ metric: STATE_METRICS.ok, labels: { state }, value: counts[state] }));
}

function driftSamples(report: DiffReport): Sample[] {
  const labels = { table_id: report.tableId };
  return [
    { metric: TABLE_METRICS.fileDriftCount, labels, value: report.drift.fileCount },
    { metric: TABLE_METRICS.metadataDrift, labels, value: Math.min(1, report.drift.metadata.length) },
    { metric: TABLE_METRICS.protocolDrift, labels, value: Math.min(1, report.drift.protocol.length) },
    { metric: TABLE_METRICS.versionDelta, labels, value: report.versionDelta },
  ];
}

/** All that `dl diff` measures of a table. A table without rows of its own in the outbox came whole from its log: COMPLETE. */
export function reportSamples(report: DiffReport): Sample[] {
  const mirror: MirroredVersion = report.mirror ?? { version: report.sqlVersion, status: "COMPLETE", attempts: 0 };
  return [...mirrorSamples(report.tableId, report.lagSeconds, mirror), ...driftSamples(report)];
}
