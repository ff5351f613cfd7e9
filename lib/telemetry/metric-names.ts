/** Every metric by its two names: CamelCase in CloudWatch (and in `Metrics.record`), snake case in Prometheus. Emitters and alarms share it. */

/** CloudWatch namespace of the embedded metric format. */
export const NAMESPACE = "DeltaLakeDB";

export interface Metric<Name extends string = string> {
  readonly cloudwatch: Name;
  readonly prometheus: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
}

/** What the operations record, once per event. Histograms and gauges of time are recorded in milliseconds, shown in seconds. */
export const EVENT_METRICS = {
  commits: counter("Commits", "dl_commits_total", "Commits that were made in SQL; replays are not counted."),
  commitConflicts: counter("CommitConflicts", "dl_commit_conflicts_total", "Commits refused because another one won."),
  commitsRefused: counter(
    "CommitsRefused",
    "dl_commits_refused_total",
    "Commits refused because too much of a table is unpublished, or nothing can be published to it.",
  ),
  commitsBehindLog: counter(
    "CommitsBehindLog",
    "dl_commits_behind_log_total",
    "Commits refused, and messages found, because the database is older than a log.",
  ),
  unverifiedCommits: counter(
    "UnverifiedCommits",
    "dl_unverified_commits_total",
    "Commits whose files were not all looked at, as the storage did not answer.",
  ),
  commitDuration: histogram("CommitDuration", "dl_commit_duration_seconds", "Time of a commit, conflicts included."),
  mirrorLag: histogram(
    "MirrorLag",
    "dl_mirror_publish_lag_seconds",
    "From the SQL commit to its publication in _delta_log.",
  ),
  mirrorFailures: counter("MirrorFailures", "dl_mirror_failures_total", "Attempts to publish a version that failed."),
  foreignCommits: counter("ForeignCommits", "dl_foreign_commits_total", "Foreign bytes found where a version belongs."),
  checkpoints: counter("Checkpoints", "dl_checkpoints_total", "Checkpoints written."),
  checkpointFailures: counter("CheckpointFailures", "dl_checkpoint_failures_total", "Checkpoints that failed."),
  overdueTables: gauge("OverdueTables", "dl_overdue_tables", "Tables that the last sweep woke the mirror up for."),
  oldestUnpublished: gauge(
    "OldestUnpublished",
    "dl_oldest_unpublished_seconds",
    "Age of the oldest unpublished version of any table at the last sweep; 0 when there was none.",
  ),
  unpublishedVersions: gauge(
    "UnpublishedVersions",
    "dl_most_unpublished_versions",
    "Unpublished versions of the table that had most of them at the last sweep.",
  ),
  retriedTables: gauge(
    "RetriedTables",
    "dl_retried_tables",
    "Tables with a version that could not be published at the last try, at the last sweep.",
  ),
  followedTables: gauge("FollowedTables", "dl_followed_tables", "Tables that others write, at the last sweep."),
  followedBehind: gauge(
    "FollowedBehind",
    "dl_most_versions_not_followed",
    "Versions of others that had been seen and not taken over, of the table that had most of them at the last sweep.",
  ),
  followLag: histogram(
    "FollowLag",
    "dl_follow_lag_seconds",
    "From a commit of others until SQL has it, of the oldest that a look has found.",
  ),
  followFailures: counter("FollowFailures", "dl_follow_failures_total", "Looks at logs of others that failed."),
  parityChecks: counter("ParityChecks", "dl_parity_checks_total", "Parity checks that were made."),
  parityRuns: counter("ParityRuns", "dl_parity_runs_total", "Scheduled starts of the parity checks."),
  parityFailures: counter("ParityFailures", "dl_parity_failures_total", "Parity checks that could not be made."),
  sweeps: counter("Sweeps", "dl_sweeps_total", "Runs of the sweeper, also those that found nothing."),
  scanIndexBehind: gauge(
    "ScanIndexBehind",
    "dl_most_versions_not_indexed",
    "Versions that the index of scans which is furthest behind its table had not come to, at the last run.",
  ),
  scanIndexFailures: counter(
    "ScanIndexFailures",
    "dl_scan_index_failures_total",
    "Indexes of scans that could not be brought up to their table; the next run tries again.",
  ),
  vacuumedFiles: counter("VacuumedFiles", "dl_vacuumed_files_total", "Files that vacuum has removed."),
  vacuumedBytes: counter("VacuumedBytes", "dl_vacuumed_bytes_total", "Bytes of these files, where they are known."),
  vacuumFailures: counter("VacuumFailures", "dl_vacuum_failures_total", "Files that vacuum could not remove."),
  backups: counter("Backups", "dl_backups_total", "Backups that were made, from the cut to the manifest."),
  backupAge: gauge("BackupAge", "dl_backup_age_seconds", "Age of the newest backup that can be read."),
  backupVerifications: counter("BackupVerifications", "dl_backup_verifications_total", "Backups that were verified."),
  backupVerifyFailures: counter(
    "BackupVerifyFailures",
    "dl_backup_verify_failures_total",
    "Backups that are damaged, or not what their manifest says.",
  ),
  restoreDrills: counter("RestoreDrills", "dl_restore_drills_total", "Restores for practice that brought all back."),
  restoreTime: gauge(
    "RestoreRto",
    "dl_restore_rto_seconds",
    "From the start of a restore for practice until all was there and compared.",
  ),
  restoreGap: gauge(
    "RestoreRpo",
    "dl_restore_rpo_seconds",
    "Age of what a restore for practice brought back: what is younger has to come from the logs.",
  ),
  canaryRuns: counter("CanaryRuns", "dl_canary_runs_total", "Runs of the canary, also those that failed."),
  canaryCommit: histogram(
    "CanaryCommit",
    "dl_canary_commit_seconds",
    "Time of a commit by the public API, as a client sees it.",
  ),
  canaryMirror: histogram(
    "CanaryMirror",
    "dl_canary_mirror_seconds",
    "From the answer to a commit until `_delta_log` has it, as a reader sees it.",
  ),
  maintenanceRuns: counter("MaintenanceRuns", "dl_maintenance_runs_total", "Runs of the maintenance."),
  maintenanceFailures: counter(
    "MaintenanceFailures",
    "dl_maintenance_failures_total",
    "Tables whose maintenance failed; the next run tries again.",
  ),
  maintainedTables: counter("MaintainedTables", "dl_maintained_tables_total", "Tables that upkeep has dealt with."),
  transactionsForgotten: counter(
    "TransactionsForgotten",
    "dl_transactions_forgotten_total",
    "Transactions beyond their retention that SQL no longer answers for.",
  ),
  logFilesRemoved: counter(
    "LogFilesRemoved",
    "dl_log_files_removed_total",
    "Expired files that were removed from logs.",
  ),
  requestsLimited: counter(
    "RequestsLimited",
    "dl_http_requests_limited_total",
    "HTTP requests answered with 429, as their caller had sent too many.",
  ),
  serverErrors: counter("ServerErrors", "dl_http_server_errors_total", "HTTP requests answered with 5xx."),
  databaseCalls: histogram("DatabaseCallDuration", "dl_database_call_duration_seconds", "Time of one Data API call."),
  databaseErrors: counter("DatabaseErrors", "dl_database_errors_total", "Data API calls that failed."),
  requestDuration: histogram("RequestDuration", "dl_http_request_duration_seconds", "Time of an HTTP request."),
} as const satisfies Record<string, Metric>;

/**
 * Tables by the state of their health: in CloudWatch a metric a state, recorded by each sweep, but for ok, which a sweep does not
 * see; in Prometheus one metric with the state as its label, counted at each scrape.
 */
export const STATE_METRICS = {
  ok: tables("TablesOk"),
  late: tables("TablesLate"),
  failed: tables("TablesFailed"),
  quarantined: tables("TablesQuarantined"),
  behindLog: tables("TablesBehindLog"),
  gone: tables("TablesGone"),
} as const;

/** Of the cache of answers. */
export const CACHE_METRICS = {
  hits: counter("CacheHits", "dl_cache_hits_total", "Answers that the cache had."),
  misses: counter("CacheMisses", "dl_cache_misses_total", "Answers that it had not."),
  hitRatio: gauge("CacheHitRatio", "dl_cache_hit_ratio", "Share of the answers that it had, since the start; 0 to 1."),
  entries: gauge("CacheEntries", "dl_cache_entries", "Answers in the memory of this process."),
  bytes: gauge("CacheBytes", "dl_cache_bytes", "Bytes of them."),
} as const;

/** Of the service itself, by its parts: label `part`. */
export const SERVICE_METRICS = {
  health: gauge(
    "ServiceHealth",
    "dl_service_health",
    "1 when a part of the service was ok at the last look, 0.5 when it works with something amiss, 0 when it does not.",
  ),
} as const;

/** The state of one table: labels `table_id`, and `version` where it is said. */
export const TABLE_METRICS = {
  mirrorLagSeconds: gauge("MirrorLagSeconds", "dl_mirror_lag_seconds", "From the SQL commit to the mirror write."),
  mirrorStatus: gauge("MirrorStatus", "dl_mirror_status", "0 IN_FLIGHT, 1 COMPLETE, 2 FAILED."),
  reconciliationAttempts: counter(
    "MirrorReconciliationAttempts",
    "dl_mirror_reconciliation_attempts_total",
    "Repeated attempts to publish a version.",
  ),
  fileDriftCount: gauge("FileDriftCount", "dl_file_drift_count", "Files that differ between SQL and _delta_log."),
  metadataDrift: gauge("MetadataDrift", "dl_metadata_drift", "1 when the metadata differ."),
  protocolDrift: gauge("ProtocolDrift", "dl_protocol_drift", "1 when the protocol differs."),
  parityDrift: counter(
    "MirrorParityDrift",
    "dl_mirror_parity_drift_total",
    "Parity checks that found a difference at this version.",
  ),
  versionDelta: gauge("VersionDelta", "dl_version_delta", "Versions that the log is behind SQL."),
} as const satisfies Record<string, Metric>;

/** What a parity check counts, by kind: in CloudWatch a metric a kind, in Prometheus dl_drift with the kind as its label. */
export const DRIFT_METRICS = {
  files: TABLE_METRICS.fileDriftCount,
  metadata: TABLE_METRICS.metadataDrift,
  protocol: TABLE_METRICS.protocolDrift,
  txn: drift("TxnDrift"),
  domain: drift("DomainDrift"),
  commit: drift("CommitDrift"),
  logAhead: drift("LogAhead"),
  versionGone: drift("VersionsGone"),
  unreadable: drift("LogUnreadable"),
} as const;

/** Per table, for Prometheus alone: read from SQL at each scrape. */
export const SCRAPED_METRICS = {
  health: gauge("TableHealth", "dl_table_health", "1 for the state that a table is in."),
  unpublished: gauge("TableUnpublished", "dl_unpublished_versions", "Versions in SQL that are not in _delta_log yet."),
  drift: gauge("TableDrift", "dl_drift", "Differences that the last parity check found, by kind."),
} as const;

/** What can be recorded: a name that is in no list does not compile. */
export type MetricName =
  | (typeof EVENT_METRICS)[keyof typeof EVENT_METRICS]["cloudwatch"]
  | (typeof STATE_METRICS)[keyof typeof STATE_METRICS]["cloudwatch"]
  | (typeof TABLE_METRICS)[keyof typeof TABLE_METRICS]["cloudwatch"]
  | (typeof DRIFT_METRICS)[keyof typeof DRIFT_METRICS]["cloudwatch"];

/** Values of `dl_mirror_status`. */
export const MIRROR_STATUS_VALUES = { IN_FLIGHT: 0, COMPLETE: 1, FAILED: 2 } as const;

function tables<const Name extends string>(cloudwatch: Name): Metric<Name> {
  return gauge(cloudwatch, "dl_tables", "Tables in each state of health (docs/runbook.md).");
}
function drift<const Name extends string>(cloudwatch: Name): Metric<Name> {
  return gauge(cloudwatch, "dl_drift", "Differences that the last parity check found, by kind.");
}
function counter<const Name extends string>(cloudwatch: Name, prometheus: string, help: string): Metric<Name> {
  return { cloudwatch, prometheus, kind: "counter", help };
}
function gauge<const Name extends string>(cloudwatch: Name, prometheus: string, help: string): Metric<Name> {
  return { cloudwatch, prometheus, kind: "gauge", help };
}
function histogram<const Name extends string>(cloudwatch: Name, prometheus: string, help: string): Metric<Name> {
  return { cloudwatch, prometheus, kind: "histogram", help };
}
