/** dl_lock: exclusive locks by name, until the transaction ends; dl_lock_both: also such that many may share. */

import { type SqlTransaction, sql } from "../../../database.ts";

/** As JSON, since the Data API takes no arrays. */
export async function takeLocks(
  tx: SqlTransaction,
  exclusive: readonly string[],
  shared: readonly string[],
): Promise<void> {
  const list = (names: readonly string[]) =>
    sql`array(select jsonb_array_elements_text(${JSON.stringify(names)}::jsonb))`;
  await tx.writeReturning(
    shared.length === 0
      ? sql`select dl_lock(${list(exclusive)})`
      : sql`select dl_lock_both(${list(exclusive)}, ${list(shared)})`,
  );
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

/** In the same order, and so in one with it. */
export const LOCK_BOTH = /* sql */ `
create function dl_lock_both(exclusive text[], shared text[]) returns void language plpgsql volatile as $function$
declare k record;
begin
  for k in select hashtextextended(n, 0) h, bool_and(s) s
    from (select unnest(exclusive) n, false s union all select unnest(shared), true) l group by h order by h
  loop
    if k.s then perform pg_advisory_xact_lock_shared(k.h); else perform pg_advisory_xact_lock(k.h); end if;
  end loop;
end $function$`;
