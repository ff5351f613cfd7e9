/** Every alarm as data: what is measured, when it is too much, how bad that is, and where the runbook says what to do. */

import { EVENT_METRICS, NAMESPACE, STATE_METRICS, TABLE_METRICS } from "../lib/telemetry/metric-names.ts";
import type { Settings } from "./settings.ts";

/** Whose metric it is: the service's own, or that of an AWS resource. */
export const SOURCES = {
  service: NAMESPACE,
  mirrorQueue: "AWS/SQS",
  mirrorDeadLetters: "AWS/SQS",
  parityDeadLetters: "AWS/SQS",
  checkpointDeadLetters: "AWS/SQS",
  api: "AWS/ApiGateway",
  mirrorFunction: "AWS/Lambda",
  drillFunction: "AWS/Lambda",
  maintenanceFunction: "AWS/Lambda",
} as const;
export type Source = keyof typeof SOURCES;

export interface AlarmDefinition {
  /** Also the heading in docs/runbook.md. */
  readonly id: string;
  /** `page` wakes somebody up; `ticket` waits for the morning. */
  readonly severity: "page" | "ticket";
  readonly source: Source;
  readonly metric: string;
  readonly statistic: "Sum" | "Maximum" | "p95";
  readonly comparison: "above" | "below";
  readonly threshold: number;
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly missing: "breaching" | "notBreaching";
  readonly meaning: string;
}

export const RUNBOOK = "docs/runbook.md";

export function runbookOf(alarm: AlarmDefinition): string {
  return `${RUNBOOK}#${alarm.id}`;
}

const { mirrorLag, oldestUnpublished, unpublishedVersions, mirrorFailures, commitDuration } = EVENT_METRICS;
const { commitsBehindLog, serverErrors, databaseErrors, parityRuns, sweeps } = EVENT_METRICS;
const { backups, backupVerifications, backupVerifyFailures, restoreDrills, maintenanceRuns } = EVENT_METRICS;

/** The alarms of one stage; only the two clocks depend on its settings. */
export function alarmsOf(settings: Settings): readonly AlarmDefinition[] {
  return [
    ...mirrorAlarms(settings),
    ...stateAlarms(settings),
    ...driftAlarms(),
    ...queueAlarms(),
    ...commitAlarms(),
    ...clockAlarms(settings),
    ...safetyAlarms(settings),
  ];
}

/** States of tables as each sweep counts them: an alarm lasts as long as the state. */
function stateAlarms({ sweepMinutes, mirror }: Settings): readonly AlarmDefinition[] {
  const swept = { statistic: "Maximum", periodSeconds: sweepMinutes * 60 } as const;
  const { failed, quarantined, behindLog, gone } = STATE_METRICS;
  // Half of what is allowed; where all is allowed, as many as by default.
  const many = (mirror.maxUnpublished || 10_000) / 2;
  return [
    above("foreign-commits", "page", quarantined.cloudwatch, 0, "Somebody else wrote into a managed _delta_log", swept),
    above("tables-behind-log", "page", behindLog.cloudwatch, 0, "A log holds later versions than SQL published", swept),
    above("tables-gone", "page", gone.cloudwatch, 0, "What was published is not in a log any more", swept),
    above("tables-failed", "page", failed.cloudwatch, 0, "A version cannot be published, or a log differs", swept),
    above("unpublished-versions", "ticket", unpublishedVersions.cloudwatch, many, "A table falls behind", swept),
  ];
}

function mirrorAlarms(settings: Settings): readonly AlarmDefinition[] {
  const lag = settings.mirror.lagThresholdSeconds * 1000;
  return [
    above("mirror-lag", "page", mirrorLag.cloudwatch, lag, "Versions reach _delta_log late", { statistic: "p95" }),
    above("oldest-unpublished", "page", oldestUnpublished.cloudwatch, lag, "A version has not reached _delta_log", {
      statistic: "Maximum",
    }),
    above("mirror-failures", "ticket", mirrorFailures.cloudwatch, 0, "Publishing failed, and will be tried again", {
      periodSeconds: 300,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    }),
    above("mirror-function-errors", "ticket", "Errors", 0, "The mirror function broke off", {
      source: "mirrorFunction",
      periodSeconds: 300,
    }),
    above("mirror-function-throttles", "ticket", "Throttles", 0, "The mirror function was throttled", {
      source: "mirrorFunction",
      periodSeconds: 300,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
    }),
  ];
}

function driftAlarms(): readonly AlarmDefinition[] {
  const { fileDriftCount, metadataDrift, protocolDrift } = TABLE_METRICS;
  const drift = { statistic: "Maximum", periodSeconds: 300 } as const;
  return [
    above("file-drift", "page", fileDriftCount.cloudwatch, 0, "SQL and _delta_log have different files", drift),
    above("metadata-drift", "page", metadataDrift.cloudwatch, 0, "SQL and _delta_log have different metadata", drift),
    above("protocol-drift", "page", protocolDrift.cloudwatch, 0, "SQL and _delta_log have different protocols", drift),
  ];
}

function queueAlarms(): readonly AlarmDefinition[] {
  const visible = "ApproximateNumberOfMessagesVisible";
  const most = { statistic: "Maximum", periodSeconds: 60 } as const;
  return [
    above("mirror-dead-letters", "page", visible, 0, "Messages to the mirror were given up", {
      ...most,
      source: "mirrorDeadLetters",
    }),
    above("parity-dead-letters", "ticket", visible, 0, "Parity checks were given up", {
      ...most,
      source: "parityDeadLetters",
    }),
    above("checkpoint-dead-letters", "ticket", visible, 0, "Checkpoints of large tables were given up", {
      ...most,
      source: "checkpointDeadLetters",
    }),
    above(
      "queue-age",
      "ticket",
      "ApproximateAgeOfOldestMessage",
      60,
      "Messages to the mirror wait for longer than a minute",
      {
        ...most,
        source: "mirrorQueue",
        evaluationPeriods: 3,
        datapointsToAlarm: 3,
      },
    ),
  ];
}

function commitAlarms(): readonly AlarmDefinition[] {
  const five = { periodSeconds: 300 } as const;
  return [
    above("server-errors", "page", serverErrors.cloudwatch, 0, "Requests were answered with 5xx", five),
    above("api-errors", "page", "5xx", 0, "The gateway answered with 5xx", { ...five, source: "api" }),
    above("commits-behind-log", "page", commitsBehindLog.cloudwatch, 0, "The database is older than a log"),
    above("commit-duration", "ticket", commitDuration.cloudwatch, 2000, "Commits are slow", {
      ...five,
      statistic: "p95",
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
    }),
    above("database-errors", "ticket", databaseErrors.cloudwatch, 5, "Calls of the database fail", five),
  ];
}

/** A stopped schedule sends no data, so missing data breaches. */
function clockAlarms({ sweepMinutes, parityMinutes }: Settings): readonly AlarmDefinition[] {
  return [
    {
      ...above("sweeper-not-running", "page", sweeps.cloudwatch, 1, "Lost messages stay lost"),
      ...still(sweepMinutes),
    },
    {
      ...above("parity-not-running", "ticket", parityRuns.cloudwatch, 1, "Nobody compares SQL and _delta_log"),
      ...still(parityMinutes),
    },
  ];
}

/** Backups, and what is run by a schedule alone: a function that breaks off, also for want of time, says so by its errors. */
function safetyAlarms({ backup, maintenance }: Settings): readonly AlarmDefinition[] {
  const hourly = { periodSeconds: 3600 } as const;
  return [
    {
      ...above("no-good-backup", "page", backups.cloudwatch, 1, "There is no new backup of the catalog"),
      ...still(backup.everyMinutes),
    },
    above("backup-verify-failed", "page", backupVerifyFailures.cloudwatch, 0, "A backup could not be restored", hourly),
    {
      ...above("backup-not-verified", "ticket", backupVerifications.cloudwatch, 1, "Nobody has verified a backup"),
      ...still(1440),
    },
    above("restore-drill-failed", "ticket", "Errors", 0, "The restore for practice failed", {
      ...hourly,
      source: "drillFunction",
    }),
    {
      ...above("no-restore-drill", "ticket", restoreDrills.cloudwatch, 1, "No restore for practice has succeeded"),
      ...noneIn(7),
    },
    above("maintenance-failed", "ticket", "Errors", 0, "Maintenance of a table failed", {
      ...hourly,
      source: "maintenanceFunction",
    }),
    {
      ...above("maintenance-not-running", "ticket", maintenanceRuns.cloudwatch, 1, "Nothing is tidied up any more"),
      ...still(maintenance.everyMinutes),
    },
  ];
}

/** Seven days are all that CloudWatch looks back: what is to be missed must come more often. */
function noneIn(days: number): Partial<AlarmDefinition> {
  return {
    evaluationPeriods: days,
    datapointsToAlarm: days,
    periodSeconds: 86_400,
    comparison: "below",
    missing: "breaching",
  };
}

/** Three runs in a row did not come. */
function still(minutes: number): Partial<AlarmDefinition> {
  const misses = { evaluationPeriods: 3, datapointsToAlarm: 3, periodSeconds: minutes * 60 };
  return { ...misses, comparison: "below", missing: "breaching" };
}

function above(
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
    ...rest,
  };
}
