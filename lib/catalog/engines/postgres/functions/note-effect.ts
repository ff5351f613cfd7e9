/**
 * dl_note_effect: the row of a commit in the audit trail, in its own transaction. The twin of noteEffect() in catalog/audit.ts; what a hash
 * is of says access/audit-row.ts.
 */

/** Whoever may only add to the trail could put a row there after which no place is left. Commits go on then, and `dl audit verify` tells of it. */
const LAST_PLACE = Number.MAX_SAFE_INTEGER;

/** @param attempt in SQL: the facts as a JSON list, whose text is a part of what is hashed */
export const NOTE_EFFECT = /* sql */ `
create function dl_note_effect(attempt text, tx_id uuid, committed jsonb) returns void language plpgsql volatile as $function$
declare
  chain constant text := 'table:' || (committed->0->>'tableId');
  fact constant jsonb := attempt::jsonb;
  effect constant text := '{"transactionId":"' || tx_id || '","tables":[' || (
    select string_agg('{"tableId":"' || (c->>'tableId') || '","version":' || (c->>'version') || '}', ',' order by n)
    from jsonb_array_elements(committed) with ordinality e(c, n)) || ']}';
  place bigint; before text;
begin
  select a.seq, a.hash into place, before from dl_audit a where a.shard = chain and a.seq < ${LAST_PLACE}
  order by a.seq desc limit 1;
  place := coalesce(place, 0) + 1;
  before := coalesce(before, encode(sha256(convert_to('deltalakedb audit ' || chain, 'UTF8')), 'hex'));
  insert into dl_audit (shard, seq, at, request_id, who, session, client, operation, tables, decision, outcome, because,
    effect, previous, hash)
  values (chain, place, (fact->>0)::bigint, fact->>1, fact->>2, fact->>3, fact->>4, fact->>5, fact->>6, fact->>7, fact->>8,
    fact->>9, effect, before, encode(sha256(convert_to('["' || chain || '",' || place || ','
      || substr(attempt, 2, length(attempt) - 2) || ',"' || replace(effect, '"', chr(92) || '"') || '","' || before || '"]', 'UTF8')), 'hex'))
  on conflict (shard, seq) do nothing;
end $function$`;
