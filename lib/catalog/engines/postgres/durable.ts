/** What is acknowledged is on the disk, whatever `synchronous_commit` the database or the user has by default. */

/** An expression that turns `off` into `on` for the transaction; a stricter setting stays. */
export const DURABLE =
  "set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)";
