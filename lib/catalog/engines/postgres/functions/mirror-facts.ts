/** dl_mirror_facts: what a table's health is derived from, and whether its mirror forbids a commit. Its twin is commit/check-mirror.ts. */

import { IS_UNPUBLISHED } from "../../../dialect.ts";
import { MIRROR_FACTS } from "../../../rows/mirror-facts.ts";

/** `rules` holds a MirrorRequest of commit/planned-rows.ts. */
export const MIRROR_FACTS_FUNCTION = /* sql */ `
create function dl_mirror_facts(tid uuid, rules jsonb) returns jsonb language plpgsql volatile as $function$
declare
  facts jsonb;
  stops constant jsonb := rules->'stops';
begin
  select jsonb_strip_nulls(to_jsonb(row)) into facts from (
    select ${MIRROR_FACTS.columns} from ${MIRROR_FACTS.from(IS_UNPUBLISHED)} where h.table_id = tid) row;
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
