/** What an alarm is, as data: the metric, the periods, and what is said of it. */

import { NAMESPACE } from "../lib/telemetry/metric-names.ts";

/** Whose metric it is: the service's own, or that of an AWS resource. */
export const SOURCES = {
  service: NAMESPACE,
  mirrorQueue: "AWS/SQS",
  mirrorDeadLetters: "AWS/SQS",
  parityQueue: "AWS/SQS",
  parityDeadLetters: "AWS/SQS",
  checkpointQueue: "AWS/SQS",
  checkpointDeadLetters: "AWS/SQS",
  api: "AWS/ApiGateway",
  mirrorFunction: "AWS/Lambda",
  drillFunction: "AWS/Lambda",
  maintenanceFunction: "AWS/Lambda",
  canaryFunction: "AWS/Lambda",
  compactionFunction: "AWS/Lambda",
  /** Where the deployment knows its cluster. */
  database: "AWS/RDS",
} as const;
export type Source = keyof typeof SOURCES;

export interface AlarmDefinition {
  /** Also the heading in docs/runbook.md. */
  readonly id: string;
  /** `page` wakes somebody up; `ticket` waits for the morning. */
  readonly severity: "page" | "ticket";
  readonly source: Source;
  readonly metric: string;
  /** `PR(n:)` is the share of values above n, in percent. */
  readonly statistic: "Sum" | "Maximum" | "Average" | "p95" | `PR(${number}:)`;
  readonly comparison: "above" | "below";
  readonly threshold: number;
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  /** Of a period without data: `keep` leaves the alarm as it was. */
  readonly missing: "breaching" | "notBreaching" | "keep";
  readonly meaning: string;
  /**
   * `state`: red from the first measurement of a state to the first without it. `event`: something has happened, and is over.
   * `clock`: something does not happen any more.
   */
  readonly about: "state" | "event" | "clock";
  /** What ends it, as the runbook says it. */
  readonly ends: string;
  /** It must be so in the newest period of this length as well: what is over is not told for as long as the long period remembers it. */
  readonly alsoWithinSeconds?: number;
  /** Alarms that tell of the same: while one of them is red, or gets red within two minutes, this one changes its colour and tells nobody. */
  readonly toldBy?: readonly string[];
}

/** Minutes from the end of a state to the end of its alarm, at most: the next measurement, and the periods that must be without it. */
export function greenWithinMinutes(alarm: AlarmDefinition): number {
  const { evaluationPeriods, datapointsToAlarm } = alarm;
  const periodSeconds = alarm.alsoWithinSeconds ?? alarm.periodSeconds;
  return ((evaluationPeriods - datapointsToAlarm + 2) * periodSeconds) / 60;
}

export function above(
  id: string,
  severity: AlarmDefinition["severity"],
  metric: string,
  threshold: number,
  meaning: string,
  rest: Partial<AlarmDefinition> = {},
): AlarmDefinition {
  return {
    id,
    severity,
    source: "service",
    metric,
    statistic: "Sum",
    comparison: "above",
    threshold,
    periodSeconds: 60,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    missing: "notBreaching",
    meaning,
    about: "event",
    ends: "",
    ...rest,
  };
}
