/** What the settings say about a lake of this process. */

import type { Config } from "../config.ts";
import type { LocalLakeOptions } from "../lake/local.ts";

const DAY_MS = 86_400_000;

export function lakeOptions(config: Config): Omit<LocalLakeOptions, "database"> {
  const { database, mirror, parity, storage, tables, transactions } = config;
  return {
    verifyFiles: storage.verify_files ? "size" : "off",
    pool: {
      poolSize: database.pool_size,
      maxOverflow: database.max_overflow,
      ...(database.ssl_mode && { sslMode: database.ssl_mode }),
      poolTimeoutMs: database.pool_timeout * 1000,
      poolRecycleSeconds: database.pool_recycle,
      statementTimeoutMs: Math.round(database.statement_timeout * 1000),
    },
    undropWindowMs: tables.undrop_window_days * DAY_MS,
    commitRules: {
      isolation: transactions.isolation_level,
      rounds: transactions.retry_attempts,
      withinMs: transactions.timeout_seconds * 1000,
    },
    mirrorRules: {
      lateAfterMs: parity.lag_threshold_seconds * 1000,
      maxUnpublished: mirror.max_unpublished,
      commitsWhenStopped: mirror.commits_when_stopped,
    },
  };
}
