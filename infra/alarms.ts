/** Every alarm as data: what is measured, when it is too much, how bad that is, and where the runbook says what to do. */

import { EVENT_METRICS, STATE_METRICS, TABLE_METRICS } from "../lib/telemetry/metric-names.ts";
import { type AlarmDefinition, above, type Source } from "./alarm-definition.ts";
import { lagAlarms } from "./lag-alarms.ts";
import type { Settings } from "./settings.ts";

export const RUNBOOK = "docs/runbook.md";

export function runbookOf(alarm: AlarmDefinition): string {
  return `${RUNBOOK}#${alarm.id}`;
}

const { oldestUnpublished, unpublishedVersions, retriedTables, commitDuration } = EVENT_METRICS;
const { commitsBehindLog, serverErrors, databaseErrors, parityRuns, sweeps } = EVENT_METRICS;
const { backups, backupVerifications, backupVerifyFailures, restoreDrills, maintenanceRuns } = EVENT_METRICS;

/** The alarms of one stage; only the clocks depend on its settings. */
export function alarmsOf(settings: Settings): readonly AlarmDefinition[] {
  return [
    ...lagAlarms(settings),
    ...mirrorAlarms(),
    ...stateAlarms(settings),
    ...queueAlarms(),
    ...commitAlarms(),
    ...databaseAlarms(),
    ...clockAlarms(settings),
    ...safetyAlarms(settings),
    ...canaryAlarms(settings),
  ];
}

/**
 * States of tables as each sweep counts them. A sweep that comes late, or not at all, changes none of them: that is the matter of
 * `sweeper-not-running`.
 */
function stateAlarms({ sweepMinutes, mirror }: Settings): readonly AlarmDefinition[] {
  const swept = { about: "state", statistic: "Maximum", periodSeconds: sweepMinutes * 60, missing: "keep" } as const;
  const { failed, quarantined, behindLog, gone } = STATE_METRICS;
  const { fileDriftCount, metadataDrift, protocolDrift } = TABLE_METRICS;
  // Half of what is allowed; where all is allowed, as many as by default.
  const many = (mirror.maxUnpublished || 10_000) / 2;
  const lag = mirror.lagThresholdSeconds * 1000;
  const drift = { ...swept, ends: "with the first sweep after a parity check found nothing" } as const;
  return [
    above("oldest-unpublished", "page", oldestUnpublished.cloudwatch, lag, "A version has not reached _delta_log", {
      ...swept,
      toldBy: ["foreign-commits", "tables-behind-log", "tables-gone", "tables-failed"],
      ends: "with the first sweep that finds no version waiting for longer than that",
    }),
    above("mirror-failures", "ticket", retriedTables.cloudwatch, 0, "Publishing fails, and is tried again", {
      ...swept,
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
      ends: "with the first sweep after the version is published",
    }),
    above("foreign-commits", "page", quarantined.cloudwatch, 0, "Somebody else wrote into a managed _delta_log", {
      ...swept,
      ends: "with the first sweep after `npx dl resolve` has lifted the quarantine",
    }),
    above("tables-behind-log", "page", behindLog.cloudwatch, 0, "A log holds later versions than SQL published", {
      ...swept,
      ends: "with the first sweep after the mirror got on, or a parity check found nothing",
    }),
    above("tables-gone", "page", gone.cloudwatch, 0, "What was published is not in a log any more", {
      ...swept,
      ends: "with the first sweep after the repair",
    }),
    above("tables-failed", "page", failed.cloudwatch, 0, "A version cannot be published, or a log differs", {
      ...swept,
      ends: "with the first sweep after the version is published, or a parity check found nothing",
    }),
    above("unpublished-versions", "ticket", unpublishedVersions.cloudwatch, many, "A table falls behind", {
      ...swept,
      ends: "with the first sweep after the backlog is down",
    }),
    above("file-drift", "ticket", fileDriftCount.cloudwatch, 0, "SQL and _delta_log have different files", drift),
    above("metadata-drift", "ticket", metadataDrift.cloudwatch, 0, "SQL and _delta_log have different metadata", drift),
    above(
      "protocol-drift",
      "ticket",
      protocolDrift.cloudwatch,
      0,
      "SQL and _delta_log have different protocols",
      drift,
    ),
  ];
}

function mirrorAlarms(): readonly AlarmDefinition[] {
  return [
    above("mirror-function-errors", "ticket", "Errors", 0, "The mirror function broke off", {
      source: "mirrorFunction",
      periodSeconds: 300,
      ends: "after five minutes without one",
    }),
    above("mirror-function-throttles", "ticket", "Throttles", 0, "The mirror function was throttled", {
      source: "mirrorFunction",
      periodSeconds: 300,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      ends: "when runs are let through; SQS keeps the messages",
    }),
  ];
}

/** SQS measures a queue each minute as long as there is a message in it. */
function queueAlarms(): readonly AlarmDefinition[] {
  const visible = "ApproximateNumberOfMessagesVisible";
  const most = { about: "state", statistic: "Maximum", periodSeconds: 60, ends: "when the queue is empty" } as const;
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
        ends: "when no message has been waiting for so long",
      },
    ),
    waiting("parity-queue-age", "Parity checks", "parityQueue"),
    waiting("checkpoint-queue-age", "Checkpoints of large tables", "checkpointQueue"),
  ];
}

/** Longer than the function behind the queue may take, twice. */
function waiting(id: string, what: string, source: Source): AlarmDefinition {
  return above(id, "ticket", "ApproximateAgeOfOldestMessage", 1800, `${what} wait for longer than half an hour`, {
    about: "state",
    statistic: "Maximum",
    periodSeconds: 300,
    source,
    ends: "when no message has been waiting for so long",
  });
}

/** What Aurora has left: beyond it commits are slow, and then fail. Connections are the Data API's, and grow with the capacity. */
function databaseAlarms(): readonly AlarmDefinition[] {
  const quarter = {
    source: "database",
    about: "state",
    statistic: "Average",
    periodSeconds: 300,
    evaluationPeriods: 3,
    datapointsToAlarm: 3,
    ends: "with the first five minutes below",
  } as const;
  return [
    above("database-capacity", "ticket", "ACUUtilization", 90, "Aurora is at its largest capacity", quarter),
    above("database-processor", "ticket", "CPUUtilization", 90, "Aurora's processors have no time left", quarter),
  ];
}

function commitAlarms(): readonly AlarmDefinition[] {
  const five = { periodSeconds: 300, ends: "after five minutes without one" } as const;
  return [
    above("server-errors", "page", serverErrors.cloudwatch, 0, "Requests were answered with 5xx", five),
    above("api-errors", "page", "5xx", 0, "The gateway answered with 5xx", {
      ...five,
      source: "api",
      toldBy: ["server-errors"],
    }),
    above("commits-behind-log", "page", commitsBehindLog.cloudwatch, 0, "The database is older than a log", {
      ends: "with the first minute without a refusal; [tables-behind-log](#tables-behind-log) lasts until the table is well",
    }),
    above("commit-duration", "ticket", commitDuration.cloudwatch, 2000, "Commits are slow", {
      ...five,
      statistic: "p95",
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
      ends: "when the percentile has come down",
    }),
    above("database-errors", "ticket", databaseErrors.cloudwatch, 5, "Calls of the database fail", {
      ...five,
      ends: "after five minutes with fewer",
    }),
  ];
}

/** A stopped schedule sends no data, so missing data breaches. */
function clockAlarms({ sweepMinutes, parityMinutes }: Settings): readonly AlarmDefinition[] {
  return [
    {
      ...above("sweeper-not-running", "page", sweeps.cloudwatch, 1, "Lost messages stay lost"),
      ...still(sweepMinutes),
      ends: "with the next sweep",
    },
    {
      ...above("parity-not-running", "ticket", parityRuns.cloudwatch, 1, "Nobody compares SQL and _delta_log"),
      ...still(parityMinutes),
      ends: "with the next run",
    },
  ];
}

/**
 * Backups, and what is run by a schedule alone: a function that breaks off, also for want of time, says so by its errors, which Lambda
 * counts for every run. What the last run said holds until the next.
 */
function safetyAlarms({ backup, maintenance }: Settings): readonly AlarmDefinition[] {
  const lastRun = { about: "state", statistic: "Maximum", periodSeconds: 60, missing: "keep" } as const;
  return [
    {
      ...above("no-good-backup", "page", backups.cloudwatch, 1, "There is no new backup of the catalog"),
      ...still(backup.everyMinutes),
      ends: "with the next backup",
    },
    above("backup-verify-failed", "page", backupVerifyFailures.cloudwatch, 0, "A backup could not be restored", {
      ...lastRun,
      ends: "with the next verification that finds the newest backup as it should be",
    }),
    {
      ...above("backup-not-verified", "ticket", backupVerifications.cloudwatch, 1, "Nobody has verified a backup"),
      ...still(1440),
      ends: "with the next verification",
    },
    above("restore-drill-failed", "ticket", "Errors", 0, "The restore for practice failed", {
      ...lastRun,
      source: "drillFunction",
      ends: "with the next one that succeeds",
    }),
    {
      ...above("no-restore-drill", "ticket", restoreDrills.cloudwatch, 1, "No restore for practice has succeeded"),
      ...noneIn(7),
      ends: "with the next one that succeeds",
    },
    above("maintenance-failed", "ticket", "Errors", 0, "Maintenance of a table failed", {
      ...lastRun,
      source: "maintenanceFunction",
      ends: "with the next run in which nothing fails",
    }),
    ...(maintenance.compaction === "none"
      ? []
      : [
          above("compaction-failed", "ticket", "Errors", 0, "Compaction of a table failed", {
            ...lastRun,
            source: "compactionFunction",
            ends: "with the next run in which nothing fails",
          }),
        ]),
    {
      ...above("maintenance-not-running", "ticket", maintenanceRuns.cloudwatch, 1, "Nothing is tidied up any more"),
      ...still(maintenance.everyMinutes),
      ends: "with the next run",
    },
  ];
}

/** The service as a client sees it, where a canary is deployed: twice in a row, as one lost call is nobody's night. */
function canaryAlarms({ canaryMinutes }: Settings): readonly AlarmDefinition[] {
  if (canaryMinutes === 0) return [];
  return [
    above("canary-failed", "page", "Errors", 0, "A client cannot commit, or read what it has committed", {
      about: "state",
      statistic: "Maximum",
      periodSeconds: canaryMinutes * 60,
      evaluationPeriods: 2,
      datapointsToAlarm: 2,
      missing: "keep",
      source: "canaryFunction",
      toldBy: ["server-errors", "oldest-unpublished"],
      ends: "with the next run that succeeds",
    }),
    {
      ...above("canary-not-running", "ticket", EVENT_METRICS.canaryRuns.cloudwatch, 1, "Nobody tries the service"),
      ...still(canaryMinutes),
      ends: "with the next run",
    },
  ];
}

/** Seven days are all that CloudWatch looks back: what is to be missed must come more often. */
function noneIn(days: number): Partial<AlarmDefinition> {
  return {
    about: "clock",
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
  return { ...misses, about: "clock", comparison: "below", missing: "breaching" };
}
