/**
 * The commit takes rows by the names of their columns, and names that differ only by case are one name. The functions of
 * migrations 2 and 5 stay for old code, which still runs during a deployment.
 */

import type { IndexSpec } from "./ddl.ts";

/** Not unique: a database may have such names from before. */
export const NAME_IN_ANY_CASE: IndexSpec = {
  name: "dl_tables_name_in_any_case",
  columns: ["lower(name)"],
  where: "status <> 'DELETED'",
  comment: "Names that differ only by case cannot both be taken.",
};

const CHECK_ROWS = `
create function dl_check_rows_2(tid uuid, head bigint, head_removed bigint, tab jsonb) returns jsonb language plpgsql volatile as $function$
declare
  rv constant bigint := (tab->>'readVersion')::bigint;
  removes jsonb;
  adds jsonb;
begin
  select jsonb_agg(bad.rejection order by bad.ord) into removes from (
    select r.ord, jsonb_build_object('tableId', tid, 'path', r.path,
      'reason', case when live.added_version > rv then 'addedByWinner'
        when live.added_version is not null then 'otherSpelling'
        when former.version is not null or other.version > rv then 'removedByWinner'
        when other.version is not null then 'removeOtherDeletionVector'
        else 'removeNotLive' end,
      'version', case when live.added_version > rv then live.added_version
        when live.added_version is not null then head
        when former.version is not null then former.version
        when other.version > rv then other.version
        else head end) rejection
    from jsonb_to_recordset(tab->'removes') r(ord int, path text, path_key uuid, dv_key text)
    -- the live file that is to go
    left join lateral (select f.added_version, f.path from dl_files f
      where f.table_id = tid and f.path_key = r.path_key and f.dv_key >= r.dv_key and f.dv_key <= r.dv_key
        and f.removed_version = 9007199254740991 order by f.dv_key) live on true
    -- the same file, gone since the read
    left join lateral (select f.removed_version version from dl_files f
      where f.table_id = tid and f.path_key = r.path_key and f.dv_key = r.dv_key
        and f.removed_version > rv and f.removed_version < 9007199254740991 order by f.removed_version limit 1) former on true
    -- the same path with any deletion vector
    left join lateral (select max(f.added_version) version from (select added_version from dl_files
      where table_id = tid and path_key = r.path_key and removed_version = 9007199254740991 order by dv_key) f) other on true
    where live.added_version is null or live.added_version > rv or live.path <> r.path
    order by r.ord limit 20) bad;

  select jsonb_agg(bad.rejection order by bad.ord) into adds from (
    select a.ord, jsonb_build_object('tableId', tid, 'path', a.path,
      'reason', case when a.newer is not null then 'addedByWinner' when a.spelled then 'otherSpelling'
        when a.blocked then 'addOverLive' else 'addedByWinner' end,
      'version', case when a.newer is not null then a.newer when a.spelled or a.blocked then head else a.former end) rejection
    from (
      select c.ord, min(c.path) path, max(c.newer) newer, bool_or(c.spelled) spelled, bool_or(c.blocked) blocked, min(c.former) former
      from (
        select a.ord, a.path, case when live.added_version > rv then live.added_version end newer,
          live.path <> a.path and live.dv_key is distinct from a.replaces spelled,
          live.dv_key <> a.dv_key and live.dv_key is distinct from a.replaces blocked, null::bigint former
        from jsonb_to_recordset(tab->'adds') a(ord int, path text, path_key uuid, dv_key text, replaces text)
        cross join lateral (select f.path, f.dv_key, f.added_version from dl_files f
          where f.table_id = tid and f.path_key = a.path_key and f.removed_version = 9007199254740991 order by f.dv_key) live
        where live.added_version > rv
          or ((live.path <> a.path or live.dv_key <> a.dv_key) and live.dv_key is distinct from a.replaces)
        union all
        -- Whoever touched the path after the read, also where that file has gone again: what was refused stays refused.
        select a.ord, a.path, null, false, false, former.version
        from jsonb_to_recordset(tab->'adds') a(ord int, path text, path_key uuid)
        cross join lateral (
          select case when f.added_version > rv then f.added_version else f.removed_version end version from dl_files f
          where f.table_id = tid and f.path_key = a.path_key and f.removed_version > rv
            and f.removed_version < 9007199254740991 order by f.removed_version limit 1) former
        where head_removed > rv
      ) c group by c.ord
    ) a order by a.ord limit 20) bad;
  return coalesce(removes, '[]') || coalesce(adds, '[]');
end $function$`;

const WRITE_VERSION = `
create function dl_write_version_2(t dl_tables, at jsonb, tab jsonb) returns void language plpgsql volatile as $function$
#variable_conflict use_column
declare
  tid constant uuid := t.table_id;
  v constant bigint := (at->>'version')::bigint;
  ts constant bigint := (at->>'timestamp')::bigint;
  importing constant boolean := (at->>'importing')::boolean;
  is_checkpoint constant boolean := (at->>'isCheckpoint')::boolean;
  row_ids constant boolean := (tab->>'rowIds')::boolean;
  blind constant boolean := (tab->>'isBlindAppend')::boolean;
  n_adds constant int := jsonb_array_length(tab->'adds');
  n_removes constant int := jsonb_array_length(tab->'removes');
  mark bigint := greatest(t.row_id_high_water_mark, (tab->>'highWaterMark')::bigint);
  -- what every action of this version has
  new_txn dl_txns; new_domain dl_domains; new_other dl_other_actions;
  removed tid[]; replaced tid[]; closed record; added record;
begin
  new_txn.table_id := tid; new_txn.version := v;
  new_domain.table_id := tid; new_domain.version := v;
  new_other.table_id := tid; new_other.version := v;

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
  with c as (
    update dl_files set removed_version = v where ctid = any (removed || replaced) returning size, h0, h1, h2, h3)
  select count(*) n, coalesce(sum(size), 0) size, coalesce(sum(h0), 0) h0, coalesce(sum(h1), 0) h1,
    coalesce(sum(h2), 0) h2, coalesce(sum(h3), 0) h3 into closed from c;

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

  -- Row ids: a file that follows another of its path keeps that one's, one that comes back with the id that it had keeps it,
  -- any other gets fresh ones above the mark.
  with a as (
    select f.*, coalesce(former.base_row_id, back.base_row_id) former_id,
      coalesce(former.default_row_commit_version, back.default_row_commit_version) former_version,
      row_ids and former.base_row_id is null and back.base_row_id is null is_fresh
    from jsonb_populate_recordset(null::dl_files, tab->'adds') f
    left join lateral (
      select p.* from (select dv_key, base_row_id, default_row_commit_version from dl_files
        where row_ids and closed.n > 0 and table_id = tid and path_key = f.path_key
          and removed_version >= v and removed_version < 9007199254740991 order by removed_version limit 4) p
      order by p.dv_key <> f.dv_key limit 1) former on true
    left join lateral (
      select old.base_row_id, old.default_row_commit_version from dl_files old
      where row_ids and f.base_row_id is not null and former.base_row_id is null and old.table_id = tid
        and old.path_key = f.path_key and old.removed_version < v and old.removed_version < 9007199254740991
        and old.base_row_id = f.base_row_id order by old.removed_version desc limit 1) back on true),
  counted as (
    select a.*, case when is_fresh then coalesce(num_records, 0) else 0 end ids from a),
  numbered as (
    select counted.*, sum(ids) over (order by ord rows unbounded preceding) - ids + mark + 1 first_id from counted),
  i as (
    insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
      ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3)
    select tid, v,
      case when is_fresh then first_id::bigint when row_ids then former_id else base_row_id end,
      case when is_fresh then v when row_ids then coalesce(former_version, v) else default_row_commit_version end,
      ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3
    from numbered returning size, h0, h1, h2, h3)
  select count(*) n, coalesce(sum(size), 0) size, coalesce(sum(h0), 0) h0, coalesce(sum(h1), 0) h1,
    coalesce(sum(h2), 0) h2, coalesce(sum(h3), 0) h3, (select coalesce(sum(ids), 0) from counted) ids into added from i;
  mark := mark + added.ids;

  if tab ? 'metadata' then
    -- lateValues() of delta/in-commit-timestamps.ts: what was not known before the lock
    insert into dl_metadata (table_id, version, action) values (tid, v, case when at->>'transactionId' is null
      then tab->>'metadata'
      else replace(replace(tab->>'metadata', 'dl:version:' || (at->>'transactionId'), v::text),
        'dl:timestamp:' || (at->>'transactionId'), ts::text) end)
    on conflict (table_id, version) do update set action = excluded.action;
  end if;
  if tab ? 'protocol' then
    insert into dl_protocols (table_id, version, action) values (tid, v, tab->>'protocol')
    on conflict (table_id, version) do update set action = excluded.action;
  end if;
  -- An import may bring the header of a checkpoint with more than one batch: the last one counts.
  insert into dl_txns select * from jsonb_populate_recordset(new_txn, tab->'txns')
  on conflict (table_id, app_id, version) do update
  set txn_version = excluded.txn_version, last_updated = excluded.last_updated, unknown = excluded.unknown;
  insert into dl_domains select * from jsonb_populate_recordset(new_domain, tab->'domains')
  on conflict (table_id, domain, version) do update
  set configuration = excluded.configuration, removed = excluded.removed, unknown = excluded.unknown;
  if row_ids and mark > t.row_id_high_water_mark then
    insert into dl_domains (table_id, version, ord, domain, configuration, removed)
    values (tid, v, jsonb_array_length(tab->'domains'), 'delta.rowTracking', '{"rowIdHighWaterMark":' || mark || '}', false);
  end if;
  insert into dl_other_actions select * from jsonb_populate_recordset(new_other, tab->'others');

  update dl_tables set
    version = case when importing then version else v end,
    timestamp = ts,
    num_files = num_files + added.n - closed.n,
    size_in_bytes = size_in_bytes + added.size - closed.size,
    metadata_version = case when tab ? 'metadata' then v else metadata_version end,
    protocol_version = case when tab ? 'protocol' then v else protocol_version end,
    add_version = case when n_adds > 0 then v else add_version end,
    non_blind_add_version = case when n_adds > 0 and not blind then v else non_blind_add_version end,
    remove_version = case when n_removes > 0 or replaced is not null then v else remove_version end,
    txn_version = case when jsonb_array_length(tab->'txns') > 0 then v else txn_version end,
    domain_version = case when (tab->>'userDomains')::boolean then v else domain_version end,
    row_id_high_water_mark = mark,
    fingerprint_0 = (fingerprint_0 + added.h0 - closed.h0)::bigint & 4294967295,
    fingerprint_1 = (fingerprint_1 + added.h1 - closed.h1)::bigint & 4294967295,
    fingerprint_2 = (fingerprint_2 + added.h2 - closed.h2)::bigint & 4294967295,
    fingerprint_3 = (fingerprint_3 + added.h3 - closed.h3)::bigint & 4294967295
  where table_id = tid returning * into t;
  if (at->>'complete')::boolean then
    insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
      num_removes, num_files, size_in_bytes, fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, commit_info)
    values (tid, v, (at->>'transactionId')::uuid, ts, (at->>'inCommitTimestamp')::bigint, blind,
      case when is_checkpoint then t.num_files else n_adds end, case when is_checkpoint then 0 else n_removes end,
      t.num_files, t.size_in_bytes, t.fingerprint_0, t.fingerprint_1, t.fingerprint_2, t.fingerprint_3, tab->>'commitInfo');
  end if;
end $function$`;

const COMMIT = `
create function dl_commit_2(request text) returns text language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off
  set enable_mergejoin = off set enable_sort = off set jit = off set work_mem = '64MB' as $function$
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

const IMPORT_BATCH = `
create function dl_import_batch_2(request text) returns text language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off
  set enable_mergejoin = off set enable_sort = off set jit = off set work_mem = '64MB' as $function$
declare
  req constant jsonb := request::jsonb;
  tid constant uuid := (req->>'tableId')::uuid;
  t dl_tables;
begin
  perform dl_lock(array['table:' || tid]);
  select * into t from dl_tables where table_id = tid and status = 'IMPORTING';
  if not found then return '{"status":"noImport"}'; end if;
  if t.import_version <> (req->'at'->>'version')::bigint or t.import_actions <> (req->'at'->>'checkpointActions')::bigint then
    return '{"status":"elsewhere"}';
  end if;
  perform dl_write_version_2(t, jsonb_build_object('version', req->'version', 'timestamp', req->'timestamp',
    'inCommitTimestamp', req->'inCommitTimestamp', 'transactionId', null, 'importing', true,
    'complete', req->'complete', 'isCheckpoint', req->'isCheckpoint'), req);
  update dl_tables set import_version = (req->'next'->>'version')::bigint,
    import_actions = (req->'next'->>'checkpointActions')::bigint where table_id = tid;
  return '{"status":"applied"}';
end $function$`;

export const POSTGRES_FUNCTIONS_BY_NAME: readonly string[] = [CHECK_ROWS, WRITE_VERSION, COMMIT, IMPORT_BATCH];
