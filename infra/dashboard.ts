/** The dashboard as data: rows with a title, each with graphs, read from left to right as a commit travels. */

import { EVENT_METRICS, TABLE_METRICS } from "../lib/telemetry/metric-names.ts";
import type { MetricQuery } from "./metrics.ts";

export interface DashboardRow {
  readonly title: string;
  readonly graphs: readonly Graph[];
}
export interface Graph {
  readonly title: string;
  readonly metrics: readonly MetricQuery[];
}

const sum = (metric: string, label: string) => ({ metric, statistic: "Sum", label });
const most = (metric: string, label: string) => ({ metric, statistic: "Maximum", label });
const spread = (metric: string) => [
  { metric, statistic: "p50", label: "p50" },
  { metric, statistic: "p95", label: "p95" },
];
const VISIBLE = "ApproximateNumberOfMessagesVisible";

export const DASHBOARD: readonly DashboardRow[] = [
  {
    title: "Commits: what clients do and how long it takes",
    graphs: [
      {
        title: "Commits and conflicts",
        metrics: [
          sum(EVENT_METRICS.commits.cloudwatch, "commits"),
          sum(EVENT_METRICS.commitConflicts.cloudwatch, "conflicts"),
        ],
      },
      { title: "Time of a commit, ms", metrics: spread(EVENT_METRICS.commitDuration.cloudwatch) },
    ],
  },
  {
    title: "API: what clients see",
    graphs: [
      {
        title: "Latency, ms",
        metrics: spread("Latency").map((query) => ({ ...query, source: "api" }) as const),
      },
      {
        title: "Requests and errors",
        metrics: [
          { ...sum("Count", "requests"), source: "api" },
          { ...sum("4xx", "4xx"), source: "api" },
          { ...sum("5xx", "5xx"), source: "api" },
        ],
      },
    ],
  },
  {
    title: "Mirror: how far _delta_log follows",
    graphs: [
      { title: "Lag, ms", metrics: spread(EVENT_METRICS.mirrorLag.cloudwatch) },
      {
        title: "Overdue tables, failures, foreign commits",
        metrics: [
          most(EVENT_METRICS.overdueTables.cloudwatch, "overdue tables"),
          sum(EVENT_METRICS.mirrorFailures.cloudwatch, "failures"),
          sum(EVENT_METRICS.foreignCommits.cloudwatch, "foreign commits"),
        ],
      },
      {
        title: "Checkpoints, and those that failed",
        metrics: [
          sum(EVENT_METRICS.checkpoints.cloudwatch, "written"),
          sum(EVENT_METRICS.checkpointFailures.cloudwatch, "failed"),
        ],
      },
    ],
  },
  {
    title: "Queue: messages under way",
    graphs: [
      {
        title: "Age of the oldest message, s",
        metrics: [{ ...most("ApproximateAgeOfOldestMessage", "oldest"), source: "mirrorQueue" }],
      },
      {
        title: "Messages that wait, and that were given up",
        metrics: [
          { ...most(VISIBLE, "waiting"), source: "mirrorQueue" },
          { ...most(VISIBLE, "mirror, given up"), source: "mirrorDeadLetters" },
          { ...most(VISIBLE, "parity, given up"), source: "parityDeadLetters" },
          { ...most(VISIBLE, "checkpoints, given up"), source: "checkpointDeadLetters" },
        ],
      },
    ],
  },
  {
    title: "Parity: SQL against _delta_log, and what follows the commits",
    graphs: [
      {
        title: "Drift",
        metrics: [
          most(TABLE_METRICS.fileDriftCount.cloudwatch, "files"),
          most(TABLE_METRICS.metadataDrift.cloudwatch, "metadata"),
          most(TABLE_METRICS.protocolDrift.cloudwatch, "protocol"),
        ],
      },
      {
        title: "Checks, and those that failed",
        metrics: [
          sum(EVENT_METRICS.parityChecks.cloudwatch, "checks"),
          sum(EVENT_METRICS.parityFailures.cloudwatch, "failures"),
          sum(EVENT_METRICS.parityRuns.cloudwatch, "runs"),
          sum(EVENT_METRICS.sweeps.cloudwatch, "sweeps"),
        ],
      },
      {
        title: "Indexes of scans: versions behind, and those that failed",
        metrics: [
          most(EVENT_METRICS.scanIndexBehind.cloudwatch, "behind"),
          sum(EVENT_METRICS.scanIndexFailures.cloudwatch, "failed"),
        ],
      },
    ],
  },
  {
    title: "Safety: backups, restores for practice, maintenance",
    graphs: [
      {
        title: "Backups made, verified, and found wrong",
        metrics: [
          sum(EVENT_METRICS.backups.cloudwatch, "made"),
          sum(EVENT_METRICS.backupVerifications.cloudwatch, "verified"),
          sum(EVENT_METRICS.backupVerifyFailures.cloudwatch, "wrong"),
        ],
      },
      {
        title: "Age of the newest backup, RTO and RPO of the last drill, s",
        metrics: [
          most(EVENT_METRICS.backupAge.cloudwatch, "age"),
          most(EVENT_METRICS.restoreTime.cloudwatch, "RTO"),
          most(EVENT_METRICS.restoreGap.cloudwatch, "RPO"),
        ],
      },
      {
        title: "Maintenance, and tables where it failed",
        metrics: [
          sum(EVENT_METRICS.maintenanceRuns.cloudwatch, "runs"),
          sum(EVENT_METRICS.maintenanceFailures.cloudwatch, "failed"),
        ],
      },
    ],
  },
  {
    title: "Canary: the service as a client sees it",
    graphs: [
      { title: "Time of its commit, ms", metrics: spread(EVENT_METRICS.canaryCommit.cloudwatch) },
      { title: "Until _delta_log has it, ms", metrics: spread(EVENT_METRICS.canaryMirror.cloudwatch) },
      { title: "Its runs", metrics: [sum(EVENT_METRICS.canaryRuns.cloudwatch, "runs")] },
    ],
  },
  {
    title: "Database: calls of the Data API",
    graphs: [
      { title: "Time of a call, ms", metrics: spread(EVENT_METRICS.databaseCalls.cloudwatch) },
      { title: "Calls that failed", metrics: [sum(EVENT_METRICS.databaseErrors.cloudwatch, "errors")] },
    ],
  },
];
