/** Columns that scans asked for, left by functions that may make no index themselves. */

import type { TableSpec } from "./ddl.ts";

export const SCAN_WISHES: TableSpec = {
  name: "dl_scan_wishes",
  backup: "none",
  comment: "Columns by which scans would find files faster. Whoever makes indexes takes the rows away.",
  columns: [
    { name: "table_id", type: "uuid", comment: "Table, as in dl_tables." },
    { name: "column_id", type: "text", comment: "As in dl_scan_indexes." },
    { name: "wished_at", type: "int64", comment: "When a scan first asked for it, in milliseconds." },
  ],
  primaryKey: ["table_id", "column_id"],
};
