/** dl_lock: exclusive locks by name, until the transaction ends. */

import { type Sql, sql } from "../../../database.ts";

/** As JSON, since the Data API takes no arrays. */
export function takeLocks(names: readonly string[]): Sql {
  return sql`select dl_lock(array(select jsonb_array_elements_text(${JSON.stringify(names)}::jsonb)))`;
}

/** In ascending order of their keys: no deadlocks, and waiters are served in turn. */
export const LOCK = /* sql */ `
create function dl_lock(names text[]) returns void language plpgsql volatile as $function$
declare k bigint;
begin
  for k in select distinct hashtextextended(n, 0) h from unnest(names) n order by h loop
    perform pg_advisory_xact_lock(k);
  end loop;
end $function$`;
