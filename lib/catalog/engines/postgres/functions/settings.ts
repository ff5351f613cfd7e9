/**
 * What all our functions have in common. Each of these was found by measurement and must stay as it is:
 * - They are VOLATILE and run under READ COMMITTED: every inner statement then sees what was committed before the locks were given.
 * - The open end of a file's life is a literal: a variable is a parameter, and a generic plan with it cannot use the partial indexes.
 * - A session keeps the plan that it made while the tables were empty, when scanning all files of a table seemed as cheap as
 *   finding one. Hence the pinned settings, and look-ups as ordered lateral subqueries: with sorting all but forbidden,
 *   `order by dv_key` leaves dl_files_live as the only way, `order by removed_version` dl_files_former. (An equality on the
 *   sorted column would make the order void: hence the pairs of >= and <=.) Rows are then updated by ctid.
 */

import { deadlineMs } from "../../../../deadlines.ts";

export { OPEN_VERSION as OPEN } from "../../../limits.ts";

/** Of the functions that are called from outside; those that they call run under the same. */
export const PINNED = /* sql */ `set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off
  set enable_mergejoin = off set enable_sort = off set jit = off set work_mem = '64MB' set lock_timeout = ${deadlineMs("databaseLock")}`;
