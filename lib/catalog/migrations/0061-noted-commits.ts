/**
 * A commit adds its row to the audit trail in its own transaction, in the chain of the first of its tables: dl_note_effect, which dl_commit_one_2
 * and dl_try_commit_2 call where a request says who tries it. All else in these is as it was.
 */

import { COMMIT_ONE_WITH_FLOORS } from "./0021-forgotten-transactions.ts";
import { ID, MYSQL_COMMIT, TEXT } from "./0058-mysql-commit.ts";

/** A frozen text, with other parts. @throws Error where it does not have one of them exactly once */
export function changed(text: string, parts: readonly (readonly [before: string, after: string])[]): string {
  return parts.reduce((whole, [before, after]) => {
    const [head, tail, ...more] = whole.split(before);
    if (head === undefined || tail === undefined || more.length > 0) throw new Error(`not there once: ${before}`);
    return head + after + tail;
  }, text);
}

const NOTE_EFFECT = `
create function dl_note_effect(attempt text, tx_id uuid, committed jsonb) returns void language plpgsql volatile as $function$
declare
  chain constant text := 'table:' || (committed->0->>'tableId');
  fact constant jsonb := attempt::jsonb;
  effect constant text := '{"transactionId":"' || tx_id || '","tables":[' || (
    select string_agg('{"tableId":"' || (c->>'tableId') || '","version":' || (c->>'version') || '}', ',' order by n)
    from jsonb_array_elements(committed) with ordinality e(c, n)) || ']}';
  place bigint; before text;
begin
  select a.seq, a.hash into place, before from dl_audit a where a.shard = chain order by a.seq desc limit 1;
  place := coalesce(place, 0) + 1;
  before := coalesce(before, encode(sha256(convert_to('deltalakedb audit ' || chain, 'UTF8')), 'hex'));
  insert into dl_audit (shard, seq, at, request_id, who, session, client, operation, tables, decision, outcome, because,
    effect, previous, hash)
  values (chain, place, (fact->>0)::bigint, fact->>1, fact->>2, fact->>3, fact->>4, fact->>5, fact->>6, fact->>7, fact->>8,
    fact->>9, effect, before, encode(sha256(convert_to('["' || chain || '",' || place || ','
      || substr(attempt, 2, length(attempt) - 2) || ',"' || replace(effect, '"', chr(92) || '"') || '","' || before || '"]', 'UTF8')), 'hex'));
end $function$`;

const COMMIT_ONE = changed(COMMIT_ONE_WITH_FLOORS, [
  [
    `    from jsonb_array_elements(req->'appends') a;
  end if;
  return`,
    `    from jsonb_array_elements(req->'appends') a;
    perform dl_note_effect(a->>'attempt', (a->>'transactionId')::uuid, committed)
    from jsonb_array_elements(req->'appends') a where a ? 'attempt';
  end if;
  if req ? 'attempt' then perform dl_note_effect(req->>'attempt', tx_id, committed); end if;
  return`,
  ],
]);

export const POSTGRES_NOTED_COMMITS: readonly string[] = [NOTE_EFFECT, COMMIT_ONE];

const fact = (i: number) => `json_unquote(json_extract(attempt, '$[${i}]'))`;
const FACTS = Array.from({ length: 10 }, (_, i) => fact(i)).join(", ");

/** Of MySQL and MariaDB. A backslash is char(92): in a text it depends on a mode of the server. */
const NOTE_EFFECT_CALL = `
create procedure dl_note_effect(in tid ${ID}, in attempt ${TEXT}, in effect_ ${TEXT})
modifies sql data sql security invoker
begin
  declare chain, before_ ${TEXT};
  declare place bigint default 0;
  set chain = concat('table:', tid);
  select a.seq, a.hash into place, before_ from dl_audit a where a.shard = chain order by a.seq desc limit 1;
  set place = place + 1, before_ = coalesce(before_, sha2(concat('deltalakedb audit ', chain), 256));
  insert into dl_audit (shard, seq, at, request_id, who, session, client, operation, tables, decision, outcome, because,
    effect, previous, hash)
  values (chain, place, ${FACTS}, effect_, before_,
    sha2(concat('["', chain, '",', place, ',', substr(attempt, 2, char_length(attempt) - 2), ',"',
      replace(effect_, '"', concat(char(92 using utf8mb4), '"')), '","', before_, '"]'), 256));
end`;

const TRY_COMMIT = changed(MYSQL_COMMIT[1] ?? "", [
  ["create procedure dl_try_commit(", "create procedure dl_try_commit_2("],
  ["  declare one, tab json;\n", `  declare one, tab json;\n  declare attempt, touched ${TEXT};\n`],
  ["set j_ = 0, committed = '',", "set j_ = 0, touched = '', committed = '',"],
  [
    "        set j_ = j_ + 1;",
    `        set touched = concat(touched, ',{"tableId":"', tid, '","version":', v, '}');
        set j_ = j_ + 1;`,
  ],
  [
    '      set answer = concat(\'{"status":"committed"',
    `      set attempt = json_unquote(json_extract(one, '$.of.attempt'));
      set touched = concat('","tables":[', substr(touched, 2), ']}'), tid = json_unquote(json_extract(one, '$.of.tables[0].id'));
      if attempt is not null then call dl_note_effect(tid, attempt, concat('{"transactionId":"', tx_id, touched)); end if;
      set k = 0;
      while k < n_appends do
        set attempt = json_unquote(json_extract(one, concat('$.appends[', k, '].attempt'))),
          tx_id = json_unquote(json_extract(one, concat('$.appends[', k, '].transactionId')));
        if attempt is not null then call dl_note_effect(tid, attempt, concat('{"transactionId":"', tx_id, touched)); end if;
        set k = k + 1;
      end while;
      set answer = concat('{"status":"committed"`,
  ],
]);

export const MYSQL_NOTED_COMMITS: readonly string[] = [
  "drop procedure if exists dl_note_effect",
  "drop procedure if exists dl_try_commit_2",
  NOTE_EFFECT_CALL,
  TRY_COMMIT,
];
