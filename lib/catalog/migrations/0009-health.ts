/** What a comparison found as counts, and tables in trouble by indexes: the health of all tables is derived from them. */

import type { ColumnSpec, IndexSpec } from "./ddl.ts";

/** Of dl_parity. */
export const DRIFT: ColumnSpec = {
  name: "drift",
  type: "text",
  optional: true,
  comment: "How many differences of each kind, as a JSON object; NULL when there were none.",
};

/** Of dl_mirror_status. */
export const FAULTS: IndexSpec = {
  name: "dl_mirror_status_faults",
  columns: ["table_id", "version"],
  where: "error_code is not null",
  comment: "Versions that could not be published, or are not as they were published.",
};

/** Of dl_tables. Its columns do not change with a commit, so updates of heads stay HOT. */
export const QUARANTINED_TABLES: IndexSpec = {
  name: "dl_tables_quarantined",
  columns: ["table_id"],
  where: "quarantine is not null",
  comment: "Tables whose mirror has stopped.",
};
