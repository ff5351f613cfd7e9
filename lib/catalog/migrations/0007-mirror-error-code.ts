/** Why a version is unpublished, as a code: what programs tell states of a table by. */

import type { Dialect } from "../dialect.ts";
import { addColumn, type ColumnSpec } from "./ddl.ts";

export const MIRROR_ERROR_CODE: ColumnSpec = {
  name: "error_code",
  type: "text",
  optional: true,
  comment:
    "Code of the last failure (LOG_FILE_MISSING, LOG_AHEAD, FOREIGN_COMMIT …); of a COMPLETE version, what became of its file since.",
};

export const addMirrorErrorCode = (dialect: Dialect): string[] =>
  addColumn(dialect, "dl_mirror_status", MIRROR_ERROR_CODE);
