/** Rows of a table that are made anew from a log lie at other versions than those before: no backup goes on from the old ones. */

import type { ColumnSpec } from "./ddl.ts";

/** Of dl_tables. */
export const ROWS_SINCE: ColumnSpec = {
  name: "rows_since",
  type: "int64",
  default: "0",
  comment:
    "When all rows of the table were last made from a log, by an import, a rebuild or a recovery, in milliseconds; 0 for never.",
};
