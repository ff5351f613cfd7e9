/**
 * The commit takes rows by the names of their columns, and names that differ only by case are one name. The functions of
 * migrations 2 and 5 stay for old code, which still runs during a deployment.
 */

import { CHECK_ROWS, LOCK_BOTH } from "./0006-locks-and-checks.ts";
import type { IndexSpec } from "./ddl.ts";

/** Not unique: a database may have such names from before. */
export const NAME_IN_ANY_CASE: IndexSpec = {
  name: "dl_tables_name_in_any_case",
  columns: ["lower(name)"],
  where: "status <> 'DELETED'",
  comment: "Names that differ only by case cannot both be taken.",
};

const WRITE_VERSION = `
create function dl_write_version_2(t dl_tables, at jsonb, tab jsonb) returns dl_tables language plpgsql volatile as $function$
#variable_conflict use_column
declare
  tid constant uuid := t.table_id;
  v constant bigint := (at->>'version')::bigint;
  ts constant bigint := (at->>'timestamp')::bigint;
  is_checkpoint constant boolean := (at->>'isCheckpoint')::boolean;
  row_ids constant boolean := (tab->>'rowIds')::boolean;
  blind constant boolean := (tab->>'isBlindAppend')::boolean;
  n_adds constant int := jsonb_array_length(tab->'adds');
  n_removes constant int := jsonb_array_length(tab->'removes');
  n_domains constant int := jsonb_array_length(tab->'domains');
  mark_before constant bigint := t.row_id_high_water_mark;
  -- what every action of this version has
  new_txn dl_txns; new_domain dl_domains; new_other dl_other_actions;
  removed tid[]; replaced tid[]; n_closed bigint := 0; sums record;
begin
  t.row_id_high_water_mark := greatest(mark_before, (tab->>'highWaterMark')::bigint);

  if not coalesce((at->>'fresh')::boolean, false) then
    select array_agg(live.ctid) into removed
    from jsonb_to_recordset(tab->'removes') r(path_key uuid, dv_key text)
    cross join lateral (select f.ctid from dl_files f
      where f.table_id = tid and f.path_key = r.path_key and f.dv_key >= r.dv_key and f.dv_key <= r.dv_key
        and f.removed_version = 9007199254740991 order by f.dv_key) live;
    select array_agg(live.ctid) into replaced
    from jsonb_to_recordset(tab->'adds') a(path_key uuid, dv_key text)
    cross join lateral (select f.ctid from dl_files f
      where f.table_id = tid and f.path_key = a.path_key and f.dv_key >= a.dv_key and f.dv_key <= a.dv_key
        and f.removed_version = 9007199254740991 order by f.dv_key) live;
  end if;
  if removed is not null or replaced is not null then
    with c as (
      update dl_files set removed_version = v where ctid = any (removed || replaced) returning size, h0, h1, h2, h3)
    select count(*) n, coalesce(sum(size), 0)::bigint size, coalesce(sum(h0), 0)::bigint h0, coalesce(sum(h1), 0)::bigint h1, coalesce(sum(h2), 0)::bigint h2, coalesce(sum(h3), 0)::bigint h3 into sums from c;
    n_closed := sums.n;
    t.num_files := t.num_files - sums.n;
    t.size_in_bytes := t.size_in_bytes - sums.size;
    t.fingerprint_0 := (t.fingerprint_0 - sums.h0) & 4294967295; t.fingerprint_1 := (t.fingerprint_1 - sums.h1) & 4294967295; t.fingerprint_2 := (t.fingerprint_2 - sums.h2) & 4294967295; t.fingerprint_3 := (t.fingerprint_3 - sums.h3) & 4294967295;
  end if;

  if n_removes > 0 then
    -- A remove carries the row ids of its file: they are its first members.
    insert into dl_removes (table_id, version, ord, path, path_key, dv_key, deletion_timestamp, data_change, action)
    select tid, v, r.ord, r.path, r.path_key, r.dv_key, r.deletion_timestamp, r.data_change,
      case when gone.base_row_id is null then r.action
        else '{"baseRowId":' || gone.base_row_id || coalesce(',"defaultRowCommitVersion":' || gone.default_row_commit_version, '')
          || case when r.action = '{}' then '}' else ',' || substr(r.action, 2) end end
    from jsonb_populate_recordset(null::dl_removes, tab->'removes') r
    left join lateral (
      select p.* from (select dv_key, base_row_id, default_row_commit_version from dl_files
        where row_ids and table_id = tid and path_key = r.path_key
          and removed_version >= v and removed_version < 9007199254740991 order by removed_version limit 4) p
      where p.dv_key = r.dv_key limit 1) gone on true;
  end if;

  if n_adds > 0 then
    if row_ids then
      -- A file that follows another of its path keeps that one's ids, one that comes back with the id that it had keeps it,
      -- any other gets fresh ones above the mark.
      with a as (
        select f.*, coalesce(former.base_row_id, back.base_row_id) former_id,
          coalesce(former.default_row_commit_version, back.default_row_commit_version) former_version,
          former.base_row_id is null and back.base_row_id is null is_fresh
        from jsonb_populate_recordset(null::dl_files, tab->'adds') f
        left join lateral (
          select p.* from (select dv_key, base_row_id, default_row_commit_version from dl_files
            where n_closed > 0 and table_id = tid and path_key = f.path_key
              and removed_version >= v and removed_version < 9007199254740991 order by removed_version limit 4) p
          order by p.dv_key <> f.dv_key limit 1) former on true
        left join lateral (
          select old.base_row_id, old.default_row_commit_version from dl_files old
          where f.base_row_id is not null and former.base_row_id is null and old.table_id = tid
            and old.path_key = f.path_key and old.removed_version < v and old.removed_version < 9007199254740991
            and old.base_row_id = f.base_row_id order by old.removed_version desc limit 1) back on true),
      counted as (
        select a.*, case when is_fresh then coalesce(num_records, 0) else 0 end ids from a),
      numbered as (
        select counted.*, sum(ids) over (order by ord rows unbounded preceding) - ids + t.row_id_high_water_mark + 1 first_id
        from counted),
      i as (
        insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
          ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3)
        select tid, v, case when is_fresh then first_id::bigint else former_id end,
          case when is_fresh then v else coalesce(former_version, v) end,
          ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3
        from numbered returning size, h0, h1, h2, h3)
      select (select coalesce(sum(ids), 0) from counted) ids, coalesce(sum(size), 0)::bigint size, coalesce(sum(h0), 0)::bigint h0, coalesce(sum(h1), 0)::bigint h1, coalesce(sum(h2), 0)::bigint h2, coalesce(sum(h3), 0)::bigint h3 into sums from i;
      t.row_id_high_water_mark := t.row_id_high_water_mark + sums.ids;
    else
      with i as (
        insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
          ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3)
        select tid, v, base_row_id, default_row_commit_version,
          ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3
        from jsonb_populate_recordset(null::dl_files, tab->'adds') returning size, h0, h1, h2, h3)
      select coalesce(sum(size), 0)::bigint size, coalesce(sum(h0), 0)::bigint h0, coalesce(sum(h1), 0)::bigint h1, coalesce(sum(h2), 0)::bigint h2, coalesce(sum(h3), 0)::bigint h3 into sums from i;
    end if;
    t.num_files := t.num_files + n_adds;
    t.size_in_bytes := t.size_in_bytes + sums.size;
    t.fingerprint_0 := (t.fingerprint_0 + sums.h0) & 4294967295; t.fingerprint_1 := (t.fingerprint_1 + sums.h1) & 4294967295; t.fingerprint_2 := (t.fingerprint_2 + sums.h2) & 4294967295; t.fingerprint_3 := (t.fingerprint_3 + sums.h3) & 4294967295;
  end if;

  if tab ? 'metadata' then
    -- lateValues() of delta/in-commit-timestamps.ts: what was not known before the lock
    insert into dl_metadata (table_id, version, action) values (tid, v, case when at->>'transactionId' is null
      then tab->>'metadata'
      else replace(replace(tab->>'metadata', 'dl:version:' || (at->>'transactionId'), v::text),
        'dl:timestamp:' || (at->>'transactionId'), ts::text) end)
    on conflict (table_id, version) do update set action = excluded.action;
    t.metadata_version := v;
  end if;
  if tab ? 'protocol' then
    insert into dl_protocols (table_id, version, action) values (tid, v, tab->>'protocol')
    on conflict (table_id, version) do update set action = excluded.action;
    t.protocol_version := v;
  end if;
  -- An import may bring the header of a checkpoint with more than one batch: the last one counts.
  if jsonb_array_length(tab->'txns') > 0 then
    new_txn.table_id := tid; new_txn.version := v;
    insert into dl_txns select * from jsonb_populate_recordset(new_txn, tab->'txns')
    on conflict (table_id, app_id, version) do update
    set txn_version = excluded.txn_version, last_updated = excluded.last_updated, unknown = excluded.unknown;
    t.txn_version := v;
  end if;
  if n_domains > 0 then
    new_domain.table_id := tid; new_domain.version := v;
    insert into dl_domains select * from jsonb_populate_recordset(new_domain, tab->'domains')
    on conflict (table_id, domain, version) do update
    set configuration = excluded.configuration, removed = excluded.removed, unknown = excluded.unknown;
  end if;
  if row_ids and t.row_id_high_water_mark > mark_before then
    insert into dl_domains (table_id, version, ord, domain, configuration, removed)
    values (tid, v, n_domains, 'delta.rowTracking', '{"rowIdHighWaterMark":' || t.row_id_high_water_mark || '}', false);
  end if;
  if jsonb_array_length(tab->'others') > 0 then
    new_other.table_id := tid; new_other.version := v;
    insert into dl_other_actions select * from jsonb_populate_recordset(new_other, tab->'others');
  end if;

  t.timestamp := ts;
  if not (at->>'importing')::boolean then t.version := v; end if;
  if n_adds > 0 then t.add_version := v; end if;
  if n_adds > 0 and not blind then t.non_blind_add_version := v; end if;
  if n_removes > 0 or replaced is not null then t.remove_version := v; end if;
  if (tab->>'userDomains')::boolean then t.domain_version := v; end if;
  update dl_tables set
    version = t.version, timestamp = t.timestamp, num_files = t.num_files, size_in_bytes = t.size_in_bytes, row_id_high_water_mark = t.row_id_high_water_mark, metadata_version = t.metadata_version, protocol_version = t.protocol_version, add_version = t.add_version, non_blind_add_version = t.non_blind_add_version, remove_version = t.remove_version, txn_version = t.txn_version, domain_version = t.domain_version, fingerprint_0 = t.fingerprint_0, fingerprint_1 = t.fingerprint_1, fingerprint_2 = t.fingerprint_2, fingerprint_3 = t.fingerprint_3
  where table_id = tid;
  if (at->>'complete')::boolean then
    insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
      num_removes, num_files, size_in_bytes, fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, commit_info)
    values (tid, v, (at->>'transactionId')::uuid, ts, (at->>'inCommitTimestamp')::bigint, blind,
      case when is_checkpoint then t.num_files else n_adds end, case when is_checkpoint then 0 else n_removes end,
      t.num_files, t.size_in_bytes, t.fingerprint_0, t.fingerprint_1, t.fingerprint_2, t.fingerprint_3, tab->>'commitInfo');
  end if;
  return t;
end $function$`;

const COMMIT_ONE = `
create function dl_commit_one_2(req jsonb) returns jsonb language plpgsql volatile as $function$
declare
  tabs constant jsonb := req->'tables';
  last constant int := jsonb_array_length(tabs) - 1;
  tx_id constant uuid := (req->>'transactionId')::uuid;
  first dl_transactions; t dl_tables; heads dl_tables[]; tab jsonb; tid uuid; now_ms bigint; ts bigint; given bigint; checked bigint;
  rejections jsonb := '[]'; moved jsonb := '[]'; committed jsonb := '[]'; bad jsonb; fresh boolean[]; one jsonb; told int := 0;
  place text; claim record; mirror jsonb; mirrors jsonb := '[]'; refused jsonb := '[]';
begin
  -- After the locks, or two twins would both find nothing.
  select * into first from dl_transactions where transaction_id = tx_id;
  if found then
    if first.request_hash <> req->>'requestHash' then return '{"status":"otherRequest"}'; end if;
    return jsonb_build_object('status', 'committed', 'replayed', true, 'committedAt', first.committed_at,
      'tables', first.result::jsonb);
  end if;

  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);
  ts := now_ms;
  for i in 0 .. last loop
    tab := tabs->i;
    tid := (tab->>'tableId')::uuid;
    if tab ? 'create' then
      place := tab->'create'->>'location';
      -- readClaims() of claims.ts
      select c.* into claim from (
        select d.name, d.location, lower(d.name) = lower(tab->'create'->>'name') named
        from dl_tables d where d.table_id = tid
        union all
        select d.name, d.location, true
        from dl_tables d where lower(d.name) = lower(tab->'create'->>'name') and d.status <> 'DELETED'
        union all
        select d.name, d.location, false
        from dl_tables d where d.location = any (array(select place union all
          select jsonb_array_elements_text(tab->'create'->'above'))) and d.status <> 'DELETED'
        union all
        (select d.name, d.location, false
        from dl_tables d where d.location > place || '/' and d.location < place || '0' and d.status <> 'DELETED'
        order by d.location limit 1)
      ) c order by not c.named, c.location limit 1;
      if found then
        rejections := rejections || jsonb_strip_nulls(case when claim.named
          then jsonb_build_object('tableId', tid, 'reason', 'nameTaken', 'name', nullif(claim.name, tab->'create'->>'name'))
          else jsonb_build_object('tableId', tid, 'reason', 'locationTaken', 'name', claim.name, 'location', claim.location) end);
      end if;
      given := case when last = 0 then (tab->>'givenTimestamp')::bigint end;
      if given >= 0 and given <= now_ms + 300000 then ts := given; end if;
      continue;
    end if;
    select * into t from dl_tables where table_id = tid and status = 'ACTIVE';
    if not found or t.name <> tab->>'name' then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'tableNotFound');
      continue;
    end if;
    heads[i] := t;
    checked := (tab->>'checkedVersion')::bigint;
    if t.version < (tab->>'seenVersion')::bigint then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'headWentBack', 'version', t.version);
    elsif t.version < (tab->>'readVersion')::bigint then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'readVersionAhead', 'version', t.version);
    elsif t.version + 1 <> (tab->>'expectedVersion')::bigint then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'versionTaken', 'version', t.version);
    elsif t.metadata_version <> (tab->>'metadataVersion')::bigint or t.protocol_version <> (tab->>'protocolVersion')::bigint
      or (t.version > checked and ((tab->'watch' ? 'metadata_version' and t.metadata_version > checked) or (tab->'watch' ? 'protocol_version' and t.protocol_version > checked) or (tab->'watch' ? 'add_version' and t.add_version > checked) or (tab->'watch' ? 'non_blind_add_version' and t.non_blind_add_version > checked) or (tab->'watch' ? 'remove_version' and t.remove_version > checked) or (tab->'watch' ? 'txn_version' and t.txn_version > checked) or (tab->'watch' ? 'domain_version' and t.domain_version > checked))) then
      moved := moved || to_jsonb(tid);
    else
      given := case when last = 0 then (tab->>'givenTimestamp')::bigint end;
      ts := case when given > t.timestamp and given <= now_ms + 300000 then given
        else greatest(ts, t.timestamp + 1) end;
      mirror := dl_mirror_facts(tid, req->'mirror');
      mirrors := mirrors || mirror;
      if mirror ? 'refusal' then
        refused := refused || jsonb_build_object('tableId', tid, 'reason', mirror->'refusal', 'mirror', mirror);
      end if;
    end if;
  end loop;
  if rejections <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', rejections); end if;
  if moved <> '[]' then return jsonb_build_object('status', 'moved', 'tableIds', moved); end if;
  if refused <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', refused, 'now', now_ms); end if;

  for i in 0 .. last loop
    tab := tabs->i;
    t := heads[i];
    bad := dl_check_rows_2((tab->>'tableId')::uuid, coalesce(t.version, -1), coalesce(t.remove_version, -1), tab);
    fresh[i] := bad is null;
    if bad <> '[]' then
      for one in select r from jsonb_array_elements(bad) r loop
        exit when told >= 40000;
        rejections := rejections || one;
        told := told + 200 + coalesce(octet_length(one->>'path'), 0);
      end loop;
    end if;
  end loop;
  if rejections <> '[]' then return jsonb_build_object('status', 'rejected', 'rejections', rejections); end if;

  for i in 0 .. last loop
    tab := tabs->i;
    t := heads[i];
    if tab ? 'create' then
      insert into dl_tables (table_id, name, location, status, created_at)
      values ((tab->>'tableId')::uuid, tab->'create'->>'name', tab->'create'->>'location', 'ACTIVE', now_ms) returning * into t;
    end if;
    t := dl_write_version_2(t, jsonb_build_object('version', t.version + 1, 'timestamp', ts,
      'inCommitTimestamp', case when (tab->>'inCommitTimestamps')::boolean then ts end, 'transactionId', tx_id,
      'importing', false, 'complete', true, 'isCheckpoint', false, 'fresh', fresh[i]), tab);
    insert into dl_mirror_status (table_id, version, status, committed_at) values (t.table_id, t.version, 'IN_FLIGHT', now_ms);
    committed := committed || jsonb_build_object('tableId', t.table_id, 'version', t.version, 'timestamp', ts);
  end loop;
  insert into dl_transactions (transaction_id, request_hash, committed_at, result)
  values (tx_id, req->>'requestHash', ts, committed::text);
  return jsonb_build_object('status', 'committed', 'replayed', false, 'committedAt', ts, 'tables', committed,
    'mirrors', mirrors, 'now', now_ms);
end $function$`;

const COMMIT_GROUP = `
create function dl_commit_2(request text) returns text language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off
  set enable_mergejoin = off set enable_sort = off set jit = off set work_mem = '64MB' set lock_timeout = 10000 as $function$
declare
  req constant jsonb := request::jsonb;
  requests constant jsonb := req->'requests';
  waits constant boolean := (req->>'waits')::boolean;
  answers jsonb := '[]';
  is_free boolean := true;
  present text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'dl_commit_2 must run under READ COMMITTED' using errcode = '25001';
  end if;
  -- What is acknowledged is on the disk. Until the transaction ends: the commit comes after this function.
  if current_setting('synchronous_commit') = 'off' then perform set_config('synchronous_commit', 'on', true); end if;
  -- Another catalog may have come into the place of the one that the caller began with.
  if req ? 'database' and not exists (
    select from dl_migrations where id = 10 and database_id = (req->>'database')::uuid) then
    raise exception 'the request is for the catalog %', req->>'database' using errcode = 'DL001';
  end if;
  select concat_ws('.',
    -- the server: also after it was started again, and another one for each member of a cluster
    (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint, pg_is_in_recovery(),
    -- the database, and its tables: also after they were emptied, made anew, or written anew
    (select oid from pg_database where datname = current_database()), 'dl_tables'::regclass::oid, pg_relation_filenode('dl_tables'),
    -- its rows: this one is written when a catalog is made, or put back
    (select xmin from dl_migrations where id = 10)) into present;
  if waits then
    perform dl_lock_both(array(select n from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'locks') n),
      array(select n from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'sharedLocks') n));
  end if;
  for i in 0 .. jsonb_array_length(requests) - 1 loop
    if not waits then
      select coalesce(bool_and(pg_try_advisory_xact_lock(hashtextextended(n, 0))), true) into is_free
      from jsonb_array_elements_text(requests->i->'locks') n;
      if is_free and requests->i ? 'sharedLocks' then
        select coalesce(bool_and(pg_try_advisory_xact_lock_shared(hashtextextended(n, 0))), true) into is_free
        from jsonb_array_elements_text(requests->i->'sharedLocks') n;
      end if;
    end if;
    answers := answers || case when not is_free then '{"status":"busy"}'
      when requests->i->>'epoch' <> present then jsonb_build_object('status', 'otherEpoch', 'epoch', present)
      else dl_commit_one_2(requests->i) end;
  end loop;
  return answers::text;
end $function$`;

const IMPORT_BATCH = `
create function dl_import_batch_2(request text) returns text language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off
  set enable_mergejoin = off set enable_sort = off set jit = off set work_mem = '64MB' set lock_timeout = 10000 as $function$
declare
  req constant jsonb := request::jsonb;
  tid constant uuid := (req->>'tableId')::uuid;
  tx constant jsonb := req->'transaction';
  -- of an ACTIVE table, at its head
  recovers constant boolean := req ? 'publishedAt';
  t dl_tables; answered text; owner uuid;
begin
  perform dl_lock(array['table:' || tid, 'transaction:' || coalesce(tx->>'transactionId', '')]);
  select * into t from dl_tables where table_id = tid and status = case when recovers then 'ACTIVE' else 'IMPORTING' end;
  if not found then return '{"status":"noImport"}'; end if;
  if recovers then
    if t.version <> (req->'at'->>'version')::bigint then return '{"status":"elsewhere"}'; end if;
  elsif t.import_version <> (req->'at'->>'version')::bigint or t.import_actions <> (req->'at'->>'checkpointActions')::bigint then
    return '{"status":"elsewhere"}';
  end if;
  -- takeTransaction() of imports.ts
  if tx is not null and not exists (select from dl_tables
    where table_id = (tx->>'origin')::uuid and table_id <> tid and status <> 'DELETED') then
    insert into dl_transactions (transaction_id, request_hash, committed_at, result)
    values ((tx->>'transactionId')::uuid, tx->>'requestHash', (tx->>'committedAt')::bigint, tx->>'result')
    on conflict (transaction_id) do nothing;
    update dl_transactions set result = replace(result, tx->>'pending', tx->>'known')
    where transaction_id = (tx->>'transactionId')::uuid and request_hash = tx->>'requestHash' returning result into answered;
    if (tx->>'owns')::boolean and strpos(answered, tx->>'known') > 0 then owner := (tx->>'transactionId')::uuid; end if;
  end if;
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

export const POSTGRES_FUNCTIONS_BY_NAME: readonly string[] = [
  LOCK_BOTH,
  CHECK_ROWS,
  WRITE_VERSION,
  COMMIT_ONE,
  COMMIT_GROUP,
  IMPORT_BATCH,
];
