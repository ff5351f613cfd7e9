/** dl_commit_2: a commit of any number of tables in one call, one round trip. Its twin in TypeScript is commit/steps.ts. */

import { isJsonObject, parseJson } from "../../../../delta/json.ts";
import { corrupt } from "../../../../errors.ts";
import type { CommitOutcome, CommittedTable } from "../../../../ports.ts";
import { type CommitRows, requestJson } from "../../../commit/planned-rows.ts";
import { type Queries, sql } from "../../../database.ts";
import { text } from "../../../rows/values.ts";
import { PINNED } from "./settings.ts";

export async function commitByFunction(db: Queries, request: CommitRows): Promise<CommitOutcome> {
  const [row] = await db.writeReturning(sql`select dl_commit_2(${requestJson(request)}) as answer`);
  const answer = row && parseJson(text(row, "answer"));
  if (!isJsonObject(answer)) throw corrupt("dl_commit_2 gave no answer");
  if (answer.status !== "committed") return answer as unknown as CommitOutcome;
  return {
    status: "committed",
    replayed: answer.replayed === true,
    transactionId: request.transactionId,
    committedAt: answer.committedAt as number,
    tables: answer.tables as unknown as readonly CommittedTable[],
  };
}

/** Locks first: what is read after them nobody changes until the transaction ends. */
export const COMMIT = /* sql */ `
create function dl_commit_2(request text) returns text language plpgsql volatile ${PINNED} as $function$
declare
  req constant jsonb := request::jsonb;
  tx_id constant uuid := (req->>'transactionId')::uuid;
  first dl_transactions; t dl_tables; tab jsonb; tid uuid; names text[]; now_ms bigint; ts bigint;
  rejections jsonb := '[]'; moved jsonb := '[]'; committed jsonb := '[]'; found_names text[]; taken text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'dl_commit_2 must run under READ COMMITTED' using errcode = '25001';
  end if;
  -- nameLocks() of dialect.ts: a name is locked as it is written, and as names that differ only by case share it.
  select array_agg(n) into names from (
    select 'transaction:' || tx_id n
    union all
    select unnest(case when x ? 'create'
      then array['table:' || (x->>'tableId'), 'name:' || (x->'create'->>'name'), 'name:' || lower(x->'create'->>'name'),
        'location:' || (x->'create'->>'location')]
      else array['table:' || (x->>'tableId')] end) from jsonb_array_elements(req->'tables') x) l;
  perform dl_lock(names);

  -- After the locks, or two twins would both find nothing.
  select * into first from dl_transactions where transaction_id = tx_id;
  if found then
    if first.request_hash <> req->>'requestHash' then return '{"status":"otherRequest"}'; end if;
    return jsonb_build_object('status', 'committed', 'replayed', true, 'committedAt', first.committed_at,
      'tables', first.result::jsonb)::text;
  end if;

  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);
  ts := now_ms;
  for tab in select x from jsonb_array_elements(req->'tables') x loop
    tid := (tab->>'tableId')::uuid;
    if tab ? 'create' then
      select array_agg(d.name) into found_names from dl_tables d
      where d.table_id = tid
        or ((lower(d.name) = lower(tab->'create'->>'name') or d.location = tab->'create'->>'location') and d.status <> 'DELETED');
      if found_names is not null then
        taken := (select n from unnest(found_names) n where lower(n) = lower(tab->'create'->>'name') limit 1);
        rejections := rejections || jsonb_strip_nulls(jsonb_build_object('tableId', tid,
          'reason', case when taken is null then 'locationTaken' else 'nameTaken' end,
          'name', nullif(taken, tab->'create'->>'name')));
      end if;
      continue;
    end if;
    select * into t from dl_tables where table_id = tid and status = 'ACTIVE';
    if not found then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'tableNotFound');
    elsif t.version < (tab->>'readVersion')::bigint then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'readVersionAhead', 'version', t.version);
    elsif t.metadata_version <> (tab->>'metadataVersion')::bigint
      or t.protocol_version <> (tab->>'protocolVersion')::bigint
      or exists (select 1 from jsonb_array_elements_text(tab->'watch') w
        where (to_jsonb(t)->>w)::bigint > (tab->>'checkedVersion')::bigint) then
      moved := moved || to_jsonb(tid);
    else
      ts := greatest(ts, t.timestamp + 1);
    end if;
  end loop;
  if rejections <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', rejections)::text; end if;
  if moved <> '[]' then return jsonb_build_object('status', 'moved', 'tableIds', moved)::text; end if;

  for tab in select x from jsonb_array_elements(req->'tables') x loop
    tid := (tab->>'tableId')::uuid;
    select * into t from dl_tables where table_id = tid and not tab ? 'create';
    rejections := rejections || dl_check_rows_2(tid, coalesce(t.version, -1), coalesce(t.remove_version, -1), tab);
  end loop;
  if rejections <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', rejections)::text; end if;

  for tab in select x from jsonb_array_elements(req->'tables') x loop
    tid := (tab->>'tableId')::uuid;
    if tab ? 'create' then
      insert into dl_tables (table_id, name, location, status, created_at)
      values (tid, tab->'create'->>'name', tab->'create'->>'location', 'ACTIVE', now_ms) returning * into t;
    else
      select * into t from dl_tables where table_id = tid;
    end if;
    perform dl_write_version_2(t, jsonb_build_object('version', t.version + 1, 'timestamp', ts,
      'inCommitTimestamp', case when (tab->>'inCommitTimestamps')::boolean then ts end, 'transactionId', tx_id,
      'importing', false, 'complete', true, 'isCheckpoint', false), tab);
    insert into dl_mirror_status (table_id, version, status, committed_at) values (tid, t.version + 1, 'IN_FLIGHT', now_ms);
    committed := committed || jsonb_build_object('tableId', tid, 'version', t.version + 1, 'timestamp', ts);
  end loop;
  insert into dl_transactions (transaction_id, request_hash, committed_at, result)
  values (tx_id, req->>'requestHash', ts, committed::text);
  return jsonb_build_object('status', 'committed', 'replayed', false, 'committedAt', ts, 'tables', committed)::text;
end $function$`;
