/** Tables that come back, are renamed and are told to their logs: what has changed of each, how much of it the log knows, and former names. */

import type { ColumnSpec, IndexSpec, TableSpec } from "./ddl.ts";

const DROPPED = "status = 'DELETED'";

/** Of dl_tables. */
export const IDENTITY_COLUMNS: readonly ColumnSpec[] = [
  {
    name: "identity_changes",
    type: "int64",
    default: "0",
    comment: "How often name, location or status have changed since the table was made.",
  },
  {
    name: "manifest_changes",
    type: "int64",
    default: "-1",
    comment: "The identity_changes that _delta_log/_deltalakedb.json tells of; -1 for none.",
  },
  {
    name: "purged_at",
    type: "int64",
    optional: true,
    comment: "When the purge of a dropped table began, in milliseconds: from then on it cannot come back.",
  },
];

/** Of dl_tables. Its columns do not change with a commit, so updates of heads stay HOT. */
export const MANIFEST_DUE: IndexSpec = {
  name: "dl_tables_manifest_due",
  columns: ["table_id"],
  where: "manifest_changes < identity_changes",
  comment: "Tables whose manifest is to be written.",
};

/** Of dl_tables: the dropped ones by name and by place, of which there may be many more than live ones. */
export const DROPPED_TABLES: readonly IndexSpec[] = [
  { name: "dl_tables_dropped_name", columns: ["name"], where: DROPPED, comment: "Who had a name when it was dropped." },
  { name: "dl_tables_dropped_place", columns: ["location"], where: DROPPED, comment: "Who lived at a place." },
];

export const TABLE_NAMES: TableSpec = {
  name: "dl_table_names",
  comment: "Former names of tables; the present one is in dl_tables.",
  backup: "changes",
  columns: [
    { name: "table_id", type: "uuid", comment: "Table, as in dl_tables." },
    { name: "change", type: "int64", comment: "The identity_changes by which the table lost the name." },
    { name: "name", type: "name", comment: "The former name, as namespace.name." },
    { name: "valid_from", type: "int64", comment: "Since when the table had it, in milliseconds." },
    { name: "valid_until", type: "int64", comment: "When it got another one, in milliseconds." },
  ],
  primaryKey: ["table_id", "change"],
  indexes: [{ name: "dl_table_names_name", columns: ["name"], comment: "Who had a name." }],
};
