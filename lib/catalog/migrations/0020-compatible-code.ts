/** A schema says which code can work with it, so that an upgrade may be taken back, and old code serve while one is under way. */

import type { ColumnSpec } from "./ddl.ts";

export const WORKS_FROM: ColumnSpec = {
  name: "works_from",
  type: "int64",
  optional: true,
  comment: "Code that knows the migrations up to this one, and not this, can work with the schema; NULL: it cannot.",
};
