/** What a comparison found as counts, and tables in trouble by indexes: the health of all tables is derived from them. */

import type { ColumnSpec, IndexSpec } from "./ddl.ts";

/** Of dl_parity. */
export const DRIFT: ColumnSpec = {
  name: "drift",
  type: "text",
  optional: true,
  comment: "How many differences of each kind, as a JSON object; NULL when there were none.",
};

/** Of dl_mirror_status. */
export const FAULTS: IndexSpec = {
  name: "dl_mirror_status_faults",
  columns: ["table_id", "version"],
  where: "error_code is not null",
  comment: "Versions that could not be published, or are not as they were published.",
};

/** Of dl_tables. Its columns do not change with a commit, so updates of heads stay HOT. */
export const QUARANTINED_TABLES: IndexSpec = {
  name: "dl_tables_quarantined",
  columns: ["table_id"],
  where: "quarantine is not null",
  comment: "Tables whose mirror has stopped.",
};

/** The commit calls it: what a table's health is derived from, and whether its mirror forbids a commit. */
export const MIRROR_FACTS_FUNCTION = `
create function dl_mirror_facts(tid uuid, rules jsonb) returns jsonb language plpgsql volatile as $function$
declare
  facts jsonb;
  stops constant jsonb := rules->'stops';
begin
  select jsonb_strip_nulls(to_jsonb(row)) into facts from (
    select h.table_id, h.name, h.version, h.quarantine, o.version as open_version, o.status as open_status,
      o.committed_at, o.attempts, o.last_error, o.error_code, o.tried_at, f.error_code as fault_code,
      f.last_error as fault, p.version as parity_version, p.checked_at, p.outcome, p.drift from dl_tables h
      left join dl_mirror_status o on o.table_id = h.table_id and o.version = (
        select min(m.version) from dl_mirror_status m where m.table_id = h.table_id and m.status <> 'COMPLETE')
      left join dl_mirror_status f on f.table_id = h.table_id and f.version = coalesce(o.version - 1, h.version)
        and f.status = 'COMPLETE' and f.error_code is not null
      left join dl_parity p on p.table_id = h.table_id where h.table_id = tid) row;
  if stops is not null and ((stops->>'quarantine')::boolean and facts ? 'quarantine' or stops->'codes' ? (facts->>'error_code')
    or stops->'codes' ? (facts->>'fault_code')
    or exists (select 1 from jsonb_object_keys((facts->>'drift')::jsonb) kind where stops->'drift' ? kind)) then
    return facts || '{"refusal":"mirrorStopped"}';
  end if;
  if (facts->>'version')::bigint - (facts->>'open_version')::bigint + 1 >= (rules->>'maxUnpublished')::bigint then
    return facts || '{"refusal":"backlogFull"}';
  end if;
  return facts;
end $function$`;
