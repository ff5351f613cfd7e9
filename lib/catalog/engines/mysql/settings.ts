/**
 * Settings of a server behind the Data API: nobody can set them there for a session, as each call may have another one. They are those of
 * the cluster's parameter group, and each transaction asks whether they are as they should be.
 */

import { deadlineMs } from "../../../deadlines.ts";
import { onEither } from "./collation.ts";

export const SQL_MODE = "ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION";

/** Bytes that a text may have: all rows of a query are one on their way. The most that a server takes. */
const TEXT_BYTES = 1024 * 1024 * 1024;

export interface ServerSetting {
  /** In a parameter group. */
  readonly name: string;
  readonly value: string;
  /** The same for one session, where somebody has one; undefined: there is none. */
  readonly session: string | undefined;
}

const setting = (name: string, value: string, session?: string): ServerSetting => ({ name, value, session });

export const SERVER_SETTINGS: readonly ServerSetting[] = [
  setting("sql_mode", SQL_MODE, `sql_mode = '${SQL_MODE}'`),
  setting(
    "transaction_isolation",
    "READ-COMMITTED",
    onEither("transaction_isolation = 'READ-COMMITTED'", "tx_isolation = 'READ-COMMITTED'"),
  ),
  setting("group_concat_max_len", String(TEXT_BYTES), `group_concat_max_len = ${TEXT_BYTES}`),
  ...[String(Math.ceil(deadlineMs("databaseLock") / 1000))].map((seconds) =>
    setting("innodb_lock_wait_timeout", seconds, `innodb_lock_wait_timeout = ${seconds}`),
  ),
  setting("max_allowed_packet", String(TEXT_BYTES)),
  // A function that writes may be made although the server writes a binary log.
  setting("log_bin_trust_function_creators", "1"),
];

/** That our statements mean here what they say, as a condition of SQL that needs none of the settings. */
export const FITS = ["ANSI_QUOTES", "PIPES_AS_CONCAT", "NO_BACKSLASH_ESCAPES"]
  .map((mode) => `find_in_set('${mode}', @@sql_mode) > 0`)
  .concat(`${onEither("@@transaction_isolation", "@@tx_isolation")} = 'READ-COMMITTED'`)
  .join(" and ");
