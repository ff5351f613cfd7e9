/** A commit that lost, in words for people: the API's problem and `dl commit` say the same. */

import type { TableConflict } from "../delta/request.ts";

export const CONFLICT_HINT =
  "Nothing was written. Read the tables again, redo the work on the newer version, and commit it as a new request.";

/** One conflict as a sentence for people. */
export function conflictSentence(conflict: TableConflict): string {
  const path = conflict.path === undefined ? "" : ` (${conflict.path})`;
  if (conflict.code === "VERSION_TAKEN") {
    return `${conflict.table}: ${conflict.message}; its newest version is ${conflict.version}`;
  }
  return `${conflict.table}: ${conflict.message}${path}; version ${conflict.version} won, you had read version ${conflict.readVersion}`;
}
