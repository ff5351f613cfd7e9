/**
 * An add meets a conflict with whoever touched its path after the read, also where that file has gone again since: a request
 * that was refused must not be let in when it is sent once more.
 */

import { checkRows } from "./0002-commit-functions.ts";

export const POSTGRES_CHECK_ROWS: readonly string[] = [
  checkRows("create or replace", {
    where: "",
    version: "case when f.added_version > rv then f.added_version else f.removed_version end",
  }),
];
