/** Names of environment variables that are settings. Without a checker, so that a command where none is set loads none. */

import { DEFAULT_CONFIG } from "../default-config.ts";

/** Names of their own, as guides of this kind of service and our Lambda functions have them; each setting also has `DL_SECTION_NAME`. */
export const SHORT_NAMES: Readonly<Record<string, string>> = {
  DATABASE_URL: "database.url",
  DATABASE_POOL_SIZE: "database.pool_size",
  DATABASE_MAX_OVERFLOW: "database.max_overflow",
  ENVIRONMENT: "environment",
  LOG_LEVEL: "logging.level",
  MAX_CONCURRENT_TASKS: "performance.async_io.max_concurrent_tasks",
  ASYNC_TIMEOUT_SECONDS: "performance.async_io.task_timeout",
  REDIS_URL: "performance.cache.redis_url",
  CACHE_TTL_SECONDS: "performance.cache.ttl_seconds",
  OTEL_EXPORTER_OTLP_ENDPOINT: "monitoring.traces_endpoint",
  VERIFY_FILES: "storage.verify_files",
  STORAGE_ENCRYPTION: "storage.encryption",
  LAG_THRESHOLD_SECONDS: "parity.lag_threshold_seconds",
  OVERDUE_SECONDS: "mirror.overdue_seconds",
  MAX_UNPUBLISHED: "mirror.max_unpublished",
  COMMITS_WHEN_STOPPED: "mirror.commits_when_stopped",
  CALLER_RATE: "server.caller_rate",
  CALLER_BURST: "server.caller_burst",
  UNDROP_WINDOW_DAYS: "tables.undrop_window_days",
};

/** The path of the configuration file, where `--config` does not say it. */
export const FILE_VARIABLES = ["DL_CONFIG", "DELTA_CONFIG_PATH"];

const SECTIONS = Object.keys(DEFAULT_CONFIG).map((name) => name.toUpperCase());
const OURS = new RegExp(`^DL_(?:${SECTIONS.join("|")})_`);

/** True for a name that could only be that of a setting. */
export function isSettingName(name: string): boolean {
  return OURS.test(name);
}

/** `DL_DATABASE_POOL_SIZE` of `database.pool_size`. */
export function longName(path: string): string {
  return `DL_${path.replaceAll(".", "_").toUpperCase()}`;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether any setting but the database, which needs no checker, comes from the environment. An empty variable is not set. */
export function hasSettings(env: Environment): boolean {
  return Object.keys(env).some(
    (name) => env[name] && (isSettingName(name) || (Object.hasOwn(SHORT_NAMES, name) && name !== "DATABASE_URL")),
  );
}
