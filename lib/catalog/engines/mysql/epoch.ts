/**
 * What names the present life of a database on MySQL, as an expression: it differs after a restart, on another server behind the same
 * name, and where tables were made anew, as a restored dump makes them. Rows that are put back into tables that stay are not told apart.
 */

import { GLOBAL_STATUS, onEither } from "./collation.ts";

/** Both are taken from the begin of the statement, so their difference is the start of the server, to the second. */
const STARTED_AT = `unix_timestamp() - (select cast(variable_value as signed) from ${GLOBAL_STATUS} where variable_name = 'UPTIME')`;

export const EPOCH = `concat_ws('.', ${STARTED_AT}, @@hostname, @@port, @@server_id, ${onEither("@@server_uuid,", "@@server_uid,")}
    database(), (select create_time from information_schema.tables where table_schema = database() and table_name = 'dl_tables'))`;
