/** What the configuration says of upkeep. */

import type { Config } from "../config.ts";
import type { MaintenanceRules } from "../operations/maintenance.ts";

export function maintenanceRules({ maintenance }: Config): MaintenanceRules {
  return {
    compact: maintenance.compact,
    compactBytes: maintenance.compact_max_mb * 1024 ** 2,
    vacuum: maintenance.vacuum,
    cleanLog: maintenance.clean_log,
    trimHistory: maintenance.trim_history,
    historyRetentionMs: maintenance.history_retention_days * 86_400_000,
    trimTransactions: maintenance.trim_transactions,
    transactionRetentionMs: maintenance.transaction_retention_days * 86_400_000,
    auditRetentionMs: maintenance.audit_retention_days * 86_400_000,
    everyMs: maintenance.every_hours * 3_600_000,
  };
}
