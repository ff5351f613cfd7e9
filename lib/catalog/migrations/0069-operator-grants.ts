/**
 * Grants of privileges that came later than the first ones. They have a table of their own, since code from before fails at a privilege that
 * it does not know: there it never reads of them, and so permits nothing by them.
 */

import { GRANTS } from "./0032-grants.ts";
import type { TableSpec } from "./ddl.ts";

export const OPERATOR_GRANTS: TableSpec = {
  ...GRANTS,
  name: "dl_operator_grants",
  comment: "Privileges of operators that have been granted, each by itself.",
  columns: GRANTS.columns.map((column) =>
    column.name === "privilege" ? { ...column, comment: "Such as VACUUM." } : column,
  ),
};

export const OPERATOR_GRANTS_MIGRATION = 69;
/** Code from here on works with this table, as long as no policy speaks of what it does not know. */
export const OPERATOR_GRANTS_WORKS_FROM = 20;
