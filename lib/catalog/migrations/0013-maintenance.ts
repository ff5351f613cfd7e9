/** What is to be kept clean of a table, how far that has come, and indexes that find who still names a file. */

import { OUTSIDE_PATH } from "../rows/paths.ts";
import { SHARED_VECTOR, VECTOR_FILE } from "../rows/vectors.ts";
import type { IndexSpec, TableSpec } from "./ddl.ts";

export const MAINTENANCE: TableSpec = {
  name: "dl_maintenance",
  backup: "whole",
  comment:
    "Upkeep of the tables: what each one wants done, and how far that has come. No row: the defaults, and nothing yet.",
  columns: [
    { name: "table_id", type: "uuid", comment: "Table, as in dl_tables." },
    {
      name: "vacuum",
      type: "boolean",
      optional: true,
      comment: "Whether the schedule vacuums it; NULL: as the service says.",
    },
    {
      name: "clean_log",
      type: "boolean",
      optional: true,
      comment: "Whether the schedule cleans its log; NULL: as the service says.",
    },
    {
      name: "trim_history",
      type: "boolean",
      optional: true,
      comment: "Whether the schedule trims its history in SQL; NULL: as the service says.",
    },
    {
      name: "history_retention",
      type: "int64",
      optional: true,
      comment: "How long SQL keeps its versions, in milliseconds; NULL: as the service says.",
    },
    {
      name: "vacuum_floor",
      type: "int64",
      optional: true,
      comment:
        "Files that only versions below this one have may be gone, and no commit may add them again; NULL: vacuum has removed none.",
    },
    {
      name: "vacuumed_version",
      type: "int64",
      optional: true,
      comment: "Files removed up to this version have been dealt with; NULL: none.",
    },
    { name: "vacuum_at", type: "int64", optional: true, comment: "When vacuum last ended, in milliseconds." },
    {
      name: "condemned_at",
      type: "int64",
      optional: true,
      comment: "When vacuum_floor was last raised, in milliseconds.",
    },
    { name: "clean_log_at", type: "int64", optional: true, comment: "When the log was last cleaned, in milliseconds." },
    {
      name: "trim_history_at",
      type: "int64",
      optional: true,
      comment: "When the history was last trimmed, in milliseconds.",
    },
    {
      name: "last_error",
      type: "text",
      optional: true,
      comment: "Why the schedule last failed; NULL when it did not.",
    },
  ],
  primaryKey: ["table_id"],
};

/** Of dl_files. */
export const VECTORS: IndexSpec = {
  name: "dl_files_vectors",
  columns: ["table_id", VECTOR_FILE],
  where: "deletion_vector is not null",
  comment: "Who has a deletion vector in a file: many share one.",
};

/** Of dl_files. */
export const OUTSIDE: IndexSpec = {
  name: "dl_files_outside",
  columns: ["path_key"],
  where: OUTSIDE_PATH,
  comment: "Files named by an absolute path, as clones name those of another table.",
};

/** Of dl_files. */
export const SHARED_VECTORS: IndexSpec = {
  name: "dl_files_shared_vectors",
  columns: ["table_id", "added_version", "ord"],
  where: SHARED_VECTOR,
  comment: "Files whose deletion vector is named by an absolute path, as clones name those of another table.",
};
