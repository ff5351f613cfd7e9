/** A commit may be held to files that were never in its table: what it has read of files is told apart from the version that it read. */

import { CHECK_ROWS } from "./0006-locks-and-checks.ts";

const READ = "rv constant bigint := (tab->>'readVersion')::bigint;";

export const CHECK_ROWS_UP_TO = CHECK_ROWS.replace("create function", "create or replace function").replace(
  READ,
  "rv constant bigint := coalesce(tab->>'filesUpTo', tab->>'readVersion')::bigint;",
);
