/**
 * The functions that this release calls, whole, in the order in which they can be made. What a database has comes from the
 * migrations, whose texts are frozen: change a function here, and add a migration with the new text. One that takes another
 * form of request gets a new number in its name, because old code calls the old one during a deployment.
 */

import { CHECK_ROWS } from "./check-rows.ts";
import { COMMIT_GROUP, COMMIT_ONE } from "./commit.ts";
import { IMPORT_BATCH } from "./import-batch.ts";
import { LOCK, LOCK_BOTH } from "./lock.ts";
import { MIRROR_FACTS_FUNCTION } from "./mirror-facts.ts";
import { NOTE_EFFECT } from "./note-effect.ts";
import { WRITE_VERSION } from "./write-version.ts";

export const CURRENT_FUNCTIONS: readonly string[] = [
  LOCK,
  LOCK_BOTH,
  CHECK_ROWS,
  WRITE_VERSION,
  MIRROR_FACTS_FUNCTION,
  NOTE_EFFECT,
  COMMIT_ONE,
  COMMIT_GROUP,
  IMPORT_BATCH,
];

/** Of earlier releases; a later migration drops them. */
export const RETIRED_FUNCTIONS: readonly string[] = [
  "dl_check_rows",
  "dl_write_version",
  "dl_commit",
  "dl_import_batch",
];
