/** Scheduled upkeep of a server: the tables that are due, one after the other, and dropped ones that cannot come back any more. */

import { keepRetention } from "../../access/audit-retention.ts";
import type { Config } from "../../config.ts";
import { openFileRewriter } from "../../lake/compaction.ts";
import { maintainTable, maintainTransactions, maintenanceDue } from "../../operations/maintenance.ts";
import { purgeExpired } from "../../operations/purge.ts";
import type { Lake } from "../../ports.ts";
import type { Logger } from "../../telemetry/log.ts";
import { maintenanceRules } from "../maintenance-rules.ts";

export interface Upkeeping {
  run(): Promise<void>;
  /** Ends a run after the batch that it is at. */
  stop(): void;
}

export function openMaintenance(lake: Lake, config: Config, logger: Logger): Upkeeping {
  const rules = maintenanceRules(config);
  const ending = new AbortController();
  const { signal } = ending;
  return {
    async run() {
      for await (const due of maintenanceDue(lake, rules)) {
        if (signal.aborted) return;
        const { table, tableId, compacted, files, bytes, logFiles, versions, failure } = await maintainTable(
          lake,
          due,
          rules,
          { signal, openRewriter: openFileRewriter },
        );
        const fields = { table, tableId, compacted, files, bytes: Number(bytes), logFiles, versions };
        if (failure !== undefined) logger.error(fields, `upkeep of ${table} failed: ${failure}`);
        else if (compacted + files + logFiles + versions > 0) logger.info(fields, `${table} has been tidied up`);
      }
      const { transactions = 0, failure } = await maintainTransactions(lake, rules, { signal });
      if (failure !== undefined) logger.error({ reason: failure }, `transactions could not be forgotten: ${failure}`);
      else if (transactions > 0) logger.info({ transactions }, "transactions beyond their retention are forgotten");
      const trail = await keepRetention(lake, rules.auditRetentionMs, { signal });
      const { removed: rows } = trail;
      if (trail.failure !== undefined)
        logger.error({ reason: trail.failure }, `old rows of the audit trail stay: ${trail.failure}`);
      else if (rows > 0) logger.info({ rows }, "rows of the audit trail beyond their retention are gone");
      // Their files stay: whoever wants them gone says so (`dl purge --files`).
      for await (const one of purgeExpired(lake, { signal })) {
        const { tableId, name } = one;
        if ("error" in one) logger.error({ tableId, table: name }, `${name} could not be purged: ${one.error.message}`);
        else logger.info({ tableId, table: name }, `${name} was dropped, and its rows are gone now`);
      }
    },
    stop: () => ending.abort(),
  };
}
