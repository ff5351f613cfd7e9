/** Indexes for scans: bounds of the values that files have in a column, as intervals of integers. Made behind the commits, from their rows. */

import type { TableSpec } from "./ddl.ts";

export const SCAN_INDEXES: TableSpec = {
  name: "dl_scan_indexes",
  backup: "none",
  comment:
    "Columns by which scans find files, and how far each index has come. What is beyond is looked at file by file.",
  columns: [
    { name: "table_id", type: "uuid", comment: "Table, as in dl_tables." },
    { name: "index_id", type: "int64", comment: "Names the rows of dl_scan_bounds; never given twice." },
    {
      name: "column_id",
      type: "text",
      comment: 'The column: ["partition", key] or ["data", name, …], with physical names.',
    },
    {
      name: "key_form",
      type: "text",
      comment: "How its values become keys: number, date, time, or text: and their common prefix.",
    },
    {
      name: "from_version",
      type: "int64",
      comment: "Files that are live at no version from this one on are not in the index.",
    },
    {
      name: "to_version",
      type: "int64",
      comment: "Files up to this added_version and to_ord are in the index; -1 for none.",
    },
    { name: "to_ord", type: "int32", comment: "See to_version." },
    { name: "num_rows", type: "int64", comment: "Rows of dl_scan_bounds." },
    { name: "created_at", type: "int64", comment: "When it was begun, in milliseconds." },
  ],
  primaryKey: ["table_id", "index_id"],
  indexes: [
    {
      name: "dl_scan_indexes_id",
      columns: ["index_id"],
      unique: true,
      comment: "Whose rows those of dl_scan_bounds are.",
    },
    {
      name: "dl_scan_indexes_column",
      columns: ["table_id", "column_id"],
      unique: true,
      comment: "One index a column.",
    },
  ],
};

export const SCAN_BOUNDS: TableSpec = {
  name: "dl_scan_bounds",
  backup: "none",
  comment:
    "Intervals of keys: all values but null that a file may have in a column. A file without such values has no row.",
  columns: [
    { name: "index_id", type: "int64", comment: "As in dl_scan_indexes; without a row there, these are nobody's." },
    { name: "node", type: "int64", comment: "Of the keys of the interval the one that ends with most zero bits." },
    { name: "high", type: "int64", comment: "The greatest key." },
    { name: "added_version", type: "int64", comment: "The file, as in dl_files." },
    { name: "ord", type: "int32", comment: "See added_version." },
    { name: "low", type: "int64", comment: "The least key." },
  ],
  primaryKey: ["index_id", "node", "high", "added_version", "ord"],
  indexes: [
    {
      name: "dl_scan_bounds_low",
      columns: ["index_id", "node", "low", "added_version", "ord"],
      comment: "Intervals that begin below a key.",
    },
  ],
  clustered: true,
};
