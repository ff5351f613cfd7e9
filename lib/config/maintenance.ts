/** The settings of upkeep: what is removed, and how long what is kept stays. */

import * as z from "zod";
import { DEFAULT_CONFIG as D } from "../default-config.ts";
import { seconds } from "./forms.ts";

export const maintenanceSettings = z
  .strictObject({
    interval_seconds: seconds
      .default(D.maintenance.interval_seconds)
      .describe("How often tables are looked for that are due; 0 turns upkeep off."),
    every_hours: z
      .number()
      .min(0)
      .max(8760)
      .default(D.maintenance.every_hours)
      .describe("Hours between two runs for one table."),
    compact: z
      .boolean()
      .default(D.maintenance.compact)
      .describe("Of tables that say nothing themselves (`dl policy set`): whether small files become large ones."),
    compact_max_mb: z
      .int()
      .min(1)
      .default(D.maintenance.compact_max_mb)
      .describe("Megabytes of one table that a run writes again at most; what is left is for the next run."),
    vacuum: z
      .boolean()
      .default(D.maintenance.vacuum)
      .describe("Likewise: whether files go that only expired versions have."),
    clean_log: z
      .boolean()
      .default(D.maintenance.clean_log)
      .describe("Likewise: whether expired versions leave `_delta_log`."),
    trim_history: z.boolean().default(D.maintenance.trim_history).describe("Likewise: whether SQL forgets versions."),
    history_retention_days: z
      .number()
      .min(0)
      .max(36_500)
      .default(D.maintenance.history_retention_days)
      .describe("Days that SQL keeps them; never less than a table's log and its removed files stay."),
    trim_transactions: z
      .boolean()
      .default(D.maintenance.trim_transactions)
      .describe(
        "Whether SQL forgets what transactions were answered; what may be a repetition of one is refused then.",
      ),
    transaction_retention_days: z
      .number()
      .min(7)
      .max(36_500)
      .default(D.maintenance.transaction_retention_days)
      .describe("Days that it answers for them."),
    audit_retention_days: z
      .number()
      .min(0)
      .max(36_500)
      .default(D.maintenance.audit_retention_days)
      .describe("Days that rows of the audit trail stay at least, and a day longer at most; 0 for ever."),
  })
  .prefault({});
