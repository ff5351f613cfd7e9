/** What holds where no configuration says otherwise. Apart from lib/config.ts, so that a command without a file loads no checker. */

import { deadlineMs } from "./deadlines.ts";

const none: readonly string[] = [];

export const DEFAULT_CONFIG = {
  database: {
    pool_size: 10,
    max_overflow: 0,
    pool_timeout: deadlineMs("databasePool") / 1000,
    pool_recycle: 3600,
    statement_timeout: deadlineMs("databaseStatement") / 1000,
  },
  server: {
    host: "127.0.0.1",
    port: 8080,
    body_limit_bytes: 64 * 1024 * 1024,
    allowed_hosts: none,
    cors_origins: none,
    request_timeout_seconds: deadlineMs("requestBody") / 1000,
    max_connections: 1000,
    caller_rate: 0,
    caller_burst: 100,
    workers: 1,
    drain_seconds: 0,
    shutdown_seconds: 25,
  },
  performance: {
    cache: {
      enabled: false,
      max_size: 5000,
      max_bytes: 64 * 1024 * 1024,
      eviction_policy: "lru",
      ttl_seconds: 1800,
      compression: true,
    },
    lazy_loading: { enabled: true, strategy: "paginated", chunk_size: 1000 },
    async_io: {
      enabled: true,
      max_concurrent_tasks: 1000,
      task_timeout: deadlineMs("requestWork") / 1000,
      queue_size: 1000,
    },
  },
  transactions: {
    timeout_seconds: deadlineMs("commitRounds") / 1000,
    retry_attempts: 4,
    enable_auto_recovery: true,
  },
  security: { oidc: [], data_credentials: { valid_seconds: 3600 } },
  storage: { roots: none, encryption: none, verify_files: true },
  mirror: {
    enabled: true,
    sweep_interval_seconds: 5,
    overdue_seconds: 5,
    max_unpublished: 10_000,
    commits_when_stopped: "accept" as "accept" | "refuse",
  },
  tables: { undrop_window_days: 7 },
  parity: { interval_seconds: 300, lag_threshold_seconds: 5, max_drift_files: 0 },
  maintenance: {
    interval_seconds: 3600,
    every_hours: 24,
    compact: false,
    compact_max_mb: 10_240,
    vacuum: false,
    clean_log: true,
    trim_history: true,
    history_retention_days: 90,
    trim_transactions: true,
    transaction_retention_days: 30,
    audit_retention_days: 0,
  },
  logging: { level: "info" as const, format: "json", access: true, max_size_mb: 100, backup_count: 5 },
  monitoring: {
    metrics_enabled: true,
    metrics_access: "read" as "read" | "open",
    health_check_interval: 30,
    performance_stats: true,
    traces_sample_ratio: 1,
  },
};
