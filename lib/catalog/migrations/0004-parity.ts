/** What the last comparison of each table's log with SQL found. */

import type { TableSpec } from "./ddl.ts";

export const PARITY: TableSpec = {
  name: "dl_parity",
  comment: "Parity checks: the last one of each table.",
  // After a restore everything is compared anew.
  backup: "none",
  columns: [
    { name: "table_id", type: "uuid", comment: "Table, as in dl_tables." },
    { name: "outcome", type: "text", comment: "ok, drift or lag." },
    { name: "version", type: "int64", comment: "Version up to which SQL and log were compared; -1 for none." },
    {
      name: "log_digest",
      type: "text",
      comment: "SHA-256 (hex) of the names, sizes and times of the log's files up to that version.",
    },
    { name: "checked_at", type: "int64", comment: "When it was checked, in milliseconds." },
    {
      name: "compared_at",
      type: "int64",
      comment: "When everything was last compared, field by field, in milliseconds; later checks went on from there.",
    },
    { name: "report", type: "text", optional: true, comment: "The differences as JSON; NULL when there were none." },
  ],
  primaryKey: ["table_id"],
};
