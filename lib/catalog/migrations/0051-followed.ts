/** Tables that others write: the catalog follows their logs, and writes nothing of its own there. */

import type { ColumnSpec, IndexSpec } from "./ddl.ts";

/** Of dl_tables. */
export const FOLLOWED_COLUMNS: readonly ColumnSpec[] = [
  {
    name: "followed_at",
    type: "int64",
    optional: true,
    comment:
      "Where others write the table: when its log was last looked at, in milliseconds. NULL where the catalog writes it.",
  },
  {
    name: "followed_version",
    type: "int64",
    optional: true,
    comment: "The newest version that was seen in that log; those above the head are not taken over yet.",
  },
  {
    name: "follow_error",
    type: "text",
    optional: true,
    comment: "Why the last look could not take over what it saw; NULL when it could.",
  },
];

/** Of dl_tables. Its column does not change with a commit. */
export const FOLLOWED_TABLES: IndexSpec = {
  name: "dl_tables_followed",
  columns: ["table_id"],
  where: "followed_at is not null",
  comment: "Tables that others write.",
};

export const FOLLOWED_MIGRATION = 51;
/** Code from here on works with these columns as long as no table is followed: older code would commit to one. */
export const FOLLOWED_WORKS_FROM = 20;
