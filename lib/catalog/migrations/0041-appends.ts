/** A version may be made of many appends, each a transaction of its own: an import writes their rows, too. What commits is in 0021. */

const IMPORT_BATCH = `
create or replace function dl_import_batch_2(request text) returns text language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off
  set enable_mergejoin = off set enable_sort = off set jit = off set work_mem = '64MB' set lock_timeout = 10000 as $function$
declare
  req constant jsonb := request::jsonb;
  tid constant uuid := (req->>'tableId')::uuid;
  -- of an ACTIVE table, at its head
  recovers constant boolean := req ? 'publishedAt';
  t dl_tables; answered text; owner uuid; tx jsonb;
begin
  perform dl_lock(array['table:' || tid] || array(select 'transaction:' || (x->>'transactionId')
    from jsonb_array_elements(coalesce(req->'appends', '[]') || coalesce(req->'transaction', '[]')) x));
  select * into t from dl_tables where table_id = tid and status = case when recovers then 'ACTIVE' else 'IMPORTING' end;
  if not found then return '{"status":"noImport"}'; end if;
  if recovers then
    if t.version <> (req->'at'->>'version')::bigint then return '{"status":"elsewhere"}'; end if;
  elsif t.import_version <> (req->'at'->>'version')::bigint or t.import_actions <> (req->'at'->>'checkpointActions')::bigint then
    return '{"status":"elsewhere"}';
  end if;
  -- takeTransaction() of imports.ts
  for tx in select x from jsonb_array_elements(coalesce(req->'appends', '[]') || coalesce(req->'transaction', '[]')) x
    where not exists (select from dl_tables
      where table_id = (x->>'origin')::uuid and table_id <> tid and status <> 'DELETED')
  loop
    insert into dl_transactions (transaction_id, request_hash, committed_at, result)
    values ((tx->>'transactionId')::uuid, tx->>'requestHash', (tx->>'committedAt')::bigint, tx->>'result')
    on conflict (transaction_id) do nothing;
    update dl_transactions set result = replace(result, tx->>'pending', tx->>'known')
    where transaction_id = (tx->>'transactionId')::uuid and request_hash = tx->>'requestHash' returning result into answered;
    if (tx->>'owns')::boolean and strpos(answered, tx->>'known') > 0 then owner := (tx->>'transactionId')::uuid; end if;
  end loop;
  t := dl_write_version_2(t, jsonb_build_object('version', req->'version', 'timestamp', req->'timestamp',
    'inCommitTimestamp', req->'inCommitTimestamp', 'transactionId', owner, 'importing', true,
    'complete', req->'complete', 'isCheckpoint', req->'isCheckpoint'), req);
  if recovers then
    update dl_tables set version = (req->>'version')::bigint where table_id = tid;
    insert into dl_mirror_status (table_id, version, status, committed_at, published_at)
    values (tid, (req->>'version')::bigint, 'COMPLETE', (req->>'timestamp')::bigint, (req->>'publishedAt')::bigint);
  else
    update dl_tables set import_version = (req->'next'->>'version')::bigint,
      import_actions = (req->'next'->>'checkpointActions')::bigint where table_id = tid;
  end if;
  return '{"status":"applied"}';
end $function$`;

export const POSTGRES_APPENDS: readonly string[] = [IMPORT_BATCH];
