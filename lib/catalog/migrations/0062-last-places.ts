/** Whoever may only add to the audit trail takes no place in it that commits cannot do without: a row at the end of all places holds none of them up. */

const NOTE_EFFECT = `
create or replace function dl_note_effect(attempt text, tx_id uuid, committed jsonb) returns void language plpgsql volatile as $function$
declare
  chain constant text := 'table:' || (committed->0->>'tableId');
  fact constant jsonb := attempt::jsonb;
  effect constant text := '{"transactionId":"' || tx_id || '","tables":[' || (
    select string_agg('{"tableId":"' || (c->>'tableId') || '","version":' || (c->>'version') || '}', ',' order by n)
    from jsonb_array_elements(committed) with ordinality e(c, n)) || ']}';
  place bigint; before text;
begin
  select a.seq, a.hash into place, before from dl_audit a where a.shard = chain and a.seq < 9007199254740991
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

export const POSTGRES_LAST_PLACES: readonly string[] = [NOTE_EFFECT];
