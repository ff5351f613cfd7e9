/** Compaction by schedule: whether a table wants it, and when it was last done. */

import type { ColumnSpec } from "./ddl.ts";

/** Of dl_maintenance. */
export const COMPACTION: readonly ColumnSpec[] = [
  {
    name: "compact",
    type: "boolean",
    optional: true,
    comment: "Whether the schedule compacts it; NULL: as the service says.",
  },
  {
    name: "compact_at",
    type: "int64",
    optional: true,
    comment: "When the schedule last compacted it, in milliseconds.",
  },
];
