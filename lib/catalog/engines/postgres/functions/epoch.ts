/**
 * What names the present life of a database on PostgreSQL, as an expression: it differs after a restart, a failover, a promotion, on
 * another cluster behind the same name, and where database, tables or rows were put back from a dump. All of it may be asked by every
 * login, is in memory, and costs some microseconds.
 */

import { IDENTITY_MIGRATION } from "../../../rows/identity.ts";

export const EPOCH = `concat_ws('.',
    -- the server: also after it was started again, and another one for each member of a cluster
    (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint, pg_is_in_recovery(),
    -- the database, and its tables: also after they were emptied, made anew, or written anew
    (select oid from pg_database where datname = current_database()), 'dl_tables'::regclass::oid, pg_relation_filenode('dl_tables'),
    -- its rows: this one is written when a catalog is made, or put back
    (select xmin from dl_migrations where id = ${IDENTITY_MIGRATION}))`;
