/** What holds where no configuration says otherwise. Apart from lib/config.ts, so that a command without a file loads no checker. */

import type { Config } from "./config.ts";
import { deadlineMs } from "./deadlines.ts";

export const DEFAULT_CONFIG: Config = {
  database: {
    pool_size: 10,
    pool_timeout: deadlineMs("databasePool") / 1000,
    pool_recycle: 3600,
    statement_timeout: deadlineMs("databaseStatement") / 1000,
  },
  server: {
    host: "127.0.0.1",
    port: 8080,
    body_limit_bytes: 64 * 1024 * 1024,
    allowed_hosts: [],
    cors_origins: [],
    request_timeout_seconds: deadlineMs("requestBody") / 1000,
    max_connections: 1000,
    shutdown_seconds: 25,
  },
  security: { oidc: [] },
  storage: { roots: [], verify_files: true },
  mirror: {
    enabled: true,
    sweep_interval_seconds: 5,
    overdue_seconds: 5,
    max_unpublished: 10_000,
    commits_when_stopped: "accept",
  },
  tables: { undrop_window_days: 7 },
  parity: { interval_seconds: 300, lag_threshold_seconds: 5, max_drift_files: 0 },
  maintenance: {
    interval_seconds: 3600,
    every_hours: 24,
    vacuum: false,
    clean_log: true,
    trim_history: true,
    history_retention_days: 90,
  },
  logging: { level: "info", access: true },
  monitoring: { metrics_enabled: true, metrics_access: "read" },
};
