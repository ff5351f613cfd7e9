/** Evaluates alarm definitions over lines of the embedded metric format, as CloudWatch would; pure. */

import { type AlarmDefinition, SOURCES } from "../../infra/alarm-definition.ts";

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

/** An alarm as CloudWatch has it, whether from its definition or from a template. */
export interface Evaluated extends Omit<Measured, "statistic"> {
  readonly namespace: string;
  readonly statistic: string;
}
type Measured = Pick<
  AlarmDefinition,
  | "metric"
  | "statistic"
  | "comparison"
  | "threshold"
  | "periodSeconds"
  | "evaluationPeriods"
  | "datapointsToAlarm"
  | "missing"
>;
export type AlarmState = "ALARM" | "OK";

/**
 * What CloudWatch makes of an alarm at one moment: the newest periods that have data count, among those that it looks at, which are
 * more than the alarm asks for; what is missing then counts as `missing` says.
 * @param values of the metric in (from, to], milliseconds
 * @param more periods that are looked at beyond those of the alarm; CloudWatch does not say how many
 */
export function evaluate(
  alarm: Evaluated,
  values: (from: number, to: number) => readonly number[],
  now: number,
  { before = "OK", more = 0 }: { readonly before?: AlarmState; readonly more?: number } = {},
): AlarmState {
  const length = alarm.periodSeconds * 1000;
  const found: boolean[] = [];
  for (let back = 0; back < alarm.evaluationPeriods + more && found.length < alarm.evaluationPeriods; back += 1) {
    const inPeriod = values(now - (back + 1) * length, now - back * length);
    if (inPeriod.length > 0) found.push(breaches(alarm, inPeriod));
  }
  const lacking = alarm.evaluationPeriods - found.length;
  const breaching = found.filter(Boolean).length + (alarm.missing === "breaching" ? lacking : 0);
  if (breaching >= alarm.datapointsToAlarm) return "ALARM";
  const isOpen = alarm.missing === "keep" && breaching + lacking >= alarm.datapointsToAlarm;
  return isOpen ? before : "OK";
}

/** A definition over points: the alarm's state at `now`, from the periods that end there. */
export function stateOf(
  alarm: AlarmDefinition,
  points: readonly Point[],
  options: { readonly now: number; readonly dimensions: Readonly<Record<string, string>> },
): AlarmState {
  const own = points.filter((point) => isOf(point, alarm, options.dimensions));
  const values = (from: number, to: number) => own.filter(({ at }) => at > from && at <= to).map(({ value }) => value);
  const evaluated = { ...alarm, namespace: SOURCES[alarm.source] };
  const lengths = [alarm.periodSeconds, alarm.alsoWithinSeconds ?? alarm.periodSeconds];
  const states = lengths.map((periodSeconds) => evaluate({ ...evaluated, periodSeconds }, values, options.now));
  return states.every((state) => state === "ALARM") ? "ALARM" : "OK";
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

function breaches(alarm: Evaluated, values: readonly number[]): boolean {
  const value = statisticOf(alarm.statistic, values);
  return alarm.comparison === "above" ? value > alarm.threshold : value < alarm.threshold;
}

function statisticOf(statistic: string, values: readonly number[]): number {
  if (statistic === "Sum") return values.reduce((sum, value) => sum + value, 0);
  if (statistic === "Maximum") return Math.max(...values);
  if (statistic === "Average") return values.reduce((sum, value) => sum + value, 0) / values.length;
  const bound = /^PR\((\d+):\)$/.exec(statistic)?.[1];
  if (bound !== undefined) return (100 * values.filter((value) => value > Number(bound)).length) / values.length;
  if (statistic !== "p95") throw new Error(`no model of the statistic ${statistic}`);
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
}

interface AlarmProperties {
  readonly AlarmName: string;
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly Period: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly Threshold: number;
  readonly ComparisonOperator: keyof typeof COMPARISONS;
  readonly TreatMissingData: keyof typeof MISSING;
}
const COMPARISONS = { GreaterThanThreshold: "above", LessThanThreshold: "below" } as const;
const MISSING = { breaching: "breaching", notBreaching: "notBreaching", ignore: "keep" } as const;

/** An alarm of a template, and of which resource its metric is: the logical id, or the values of the dimensions. */
export function synthesized(properties: unknown): Evaluated & { readonly name: string; readonly of: string } {
  const { AlarmName, Dimensions, ...alarm } = properties as AlarmProperties;
  return {
    name: AlarmName,
    of: Dimensions.map(({ Value }) => resourceOf(Value)).join(" "),
    namespace: alarm.Namespace,
    metric: alarm.MetricName,
    statistic: alarm.Statistic ?? alarm.ExtendedStatistic ?? "none",
    comparison: COMPARISONS[alarm.ComparisonOperator],
    threshold: alarm.Threshold,
    periodSeconds: alarm.Period,
    evaluationPeriods: alarm.EvaluationPeriods,
    datapointsToAlarm: alarm.DatapointsToAlarm,
    missing: MISSING[alarm.TreatMissingData],
  };
}

function resourceOf(value: unknown): string {
  if (typeof value === "string") return value;
  // The cluster is in the other stack.
  if (JSON.stringify(value).includes("RefDatabaseCluster")) return "Database";
  const [[, named] = []] = Object.entries(value as object);
  return String([named].flat()[0]).replace(/[0-9A-F]{8}$/, "");
}
