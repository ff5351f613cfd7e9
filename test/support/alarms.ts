/** Evaluates alarm definitions over lines of the embedded metric format, as CloudWatch would; pure. */

import { type AlarmDefinition, SOURCES } from "../../infra/alarms.ts";

export interface Point {
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly at: number;
  readonly value: number;
}

interface EmfDirective {
  readonly Namespace: string;
  readonly Dimensions: readonly (readonly string[])[];
  readonly Metrics: readonly { readonly Name: string }[];
}

/** The points in printed lines; lines that are no EMF are logs, and carry none. */
export function pointsOf(lines: readonly string[]): readonly Point[] {
  return lines.flatMap((line) => {
    const record = recordOf(line);
    const aws = record?._aws as { Timestamp: number; CloudWatchMetrics: readonly EmfDirective[] } | undefined;
    if (record === undefined || aws === undefined) return [];
    return aws.CloudWatchMetrics.flatMap((directive) =>
      directive.Dimensions.flatMap((names) =>
        directive.Metrics.flatMap(({ Name }) =>
          [record[Name]].flat().map((value) => ({
            namespace: directive.Namespace,
            metric: Name,
            dimensions: Object.fromEntries(names.map((name) => [name, String(record[name])])),
            at: aws.Timestamp,
            value: Number(value),
          })),
        ),
      ),
    );
  });
}

function recordOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The alarm's state at `now`, from the periods that end there. */
export function stateOf(
  alarm: AlarmDefinition,
  points: readonly Point[],
  options: { readonly now: number; readonly dimensions: Readonly<Record<string, string>> },
): "ALARM" | "OK" {
  const own = points.filter((point) => isOf(point, alarm, options.dimensions));
  const length = alarm.periodSeconds * 1000;
  const breaching = Array.from({ length: alarm.evaluationPeriods }, (_, back) => {
    const end = options.now - back * length;
    return own.filter(({ at }) => at > end - length && at <= end).map(({ value }) => value);
  }).filter((values) => (values.length === 0 ? alarm.missing === "breaching" : breaches(alarm, values)));
  return breaching.length >= alarm.datapointsToAlarm ? "ALARM" : "OK";
}

/** A metric is found by its exact dimensions: one more or less is another metric, and the alarm stays silent. */
function isOf(point: Point, alarm: AlarmDefinition, dimensions: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(dimensions);
  return (
    point.namespace === SOURCES[alarm.source] &&
    point.metric === alarm.metric &&
    Object.keys(point.dimensions).length === names.length &&
    names.every((name) => point.dimensions[name] === dimensions[name])
  );
}

function breaches(alarm: AlarmDefinition, values: readonly number[]): boolean {
  const value = statisticOf(alarm.statistic, values);
  return alarm.comparison === "above" ? value > alarm.threshold : value < alarm.threshold;
}

function statisticOf(statistic: AlarmDefinition["statistic"], values: readonly number[]): number {
  if (statistic === "Sum") return values.reduce((sum, value) => sum + value, 0);
  if (statistic === "Maximum") return Math.max(...values);
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
}
