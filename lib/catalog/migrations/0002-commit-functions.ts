/**
 * The commit inside PostgreSQL, as PL/pgSQL: one call, one round trip. The TypeScript twin is in commit/: steps.ts,
 * check-rows.ts and write-version.ts; a differential test holds them together.
 *
 * What must stay as it is, each proven by measurement:
 * - VOLATILE, and called under READ COMMITTED: every inner statement then sees what was committed before the locks were given.
 * - Locks first, in ascending order of their keys: no deadlocks, waiters are served in turn.
 * - The open end 9007199254740991 as a literal: a variable is a parameter, and a generic plan with it cannot use the partial indexes.
 * - The pinned planner settings, and look-ups as ordered lateral subqueries: a session keeps the plan that it made while the
 *   tables were empty, when scanning all files of a table seemed as cheap as finding one. With sorting all but forbidden,
 *   `order by dv_key` leaves dl_files_live as the only way, `order by removed_version` dl_files_former. (An equality on the
 *   sorted column would make the order void: hence the pairs of <= and >=.) Rows are then updated by ctid.
 */

const OPEN = "9007199254740991";

const LOCK = `
create function dl_lock(names text[]) returns void language plpgsql volatile as $function$
declare k bigint;
begin
  for k in select distinct hashtextextended(n, 0) h from unnest(names) n order by h loop
    perform pg_advisory_xact_lock(k);
  end loop;
end $function$`;

/**
 * add: [path, pathKey, dvKey, replaces, …], remove: [path, pathKey, dvKey, …]: AddRow and RemoveRow of planned-rows.ts.
 * @param former of a path that is added: which former file `f` stands against that, and the version to name
 */
export const checkRows = (verb: "create" | "create or replace", former: { where: string; version: string }): string => `
${verb} function dl_check_rows(tid uuid, head bigint, head_removed bigint, tab jsonb) returns jsonb language plpgsql volatile as $function$
declare
  rv constant bigint := (tab->>'readVersion')::bigint;
  removes jsonb; adds jsonb;
begin
  select jsonb_agg(b.rejection order by b.o) into removes from (
    select z.o, jsonb_build_object('tableId', tid, 'path', z.e->>0,
      'reason', case when live.added_version > rv then 'addedByWinner'
        when live.added_version is not null then 'otherSpelling'
        when former.v is not null or other.v > rv then 'removedByWinner'
        when other.v is not null then 'removeOtherDeletionVector'
        else 'removeNotLive' end,
      'version', case when live.added_version > rv then live.added_version
        when live.added_version is not null then head
        when former.v is not null then former.v
        when other.v > rv then other.v
        else head end) rejection
    from jsonb_array_elements(tab->'removes') with ordinality z(e, o)
    left join lateral (select f.added_version, f.path from dl_files f
      where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.dv_key >= z.e->>2 and f.dv_key <= z.e->>2
        and f.removed_version = ${OPEN} order by f.dv_key) live on true
    left join lateral (select f.removed_version v from dl_files f
      where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.dv_key = z.e->>2
        and f.removed_version > rv and f.removed_version < ${OPEN} order by f.removed_version limit 1) former on true
    left join lateral (select max(f.added_version) v from (select added_version from dl_files
      where table_id = tid and path_key = (z.e->>1)::uuid and removed_version = ${OPEN} order by dv_key) f) other on true
    where live.added_version is null or live.added_version > rv or live.path <> z.e->>0
    order by z.o limit 20) b;

  select jsonb_agg(b.rejection order by b.o) into adds from (
    select a.o, jsonb_build_object('tableId', tid, 'path', a.path,
      'reason', case when a.newer is not null then 'addedByWinner' when a.spelled then 'otherSpelling'
        when a.blocked then 'addOverLive' else 'addedByWinner' end,
      'version', case when a.newer is not null then a.newer when a.spelled or a.blocked then head else a.former end) rejection
    from (
      select c.o, min(c.path) path, max(c.newer) newer, bool_or(c.spelled) spelled, bool_or(c.blocked) blocked, min(c.former) former
      from (
        select z.o, z.e->>0 path, case when live.added_version > rv then live.added_version end newer,
          live.path <> z.e->>0 and live.dv_key is distinct from z.e->>3 spelled,
          live.dv_key <> z.e->>2 and live.dv_key is distinct from z.e->>3 blocked, null::bigint former
        from jsonb_array_elements(tab->'adds') with ordinality z(e, o)
        cross join lateral (select f.path, f.dv_key, f.added_version from dl_files f
          where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.removed_version = ${OPEN} order by f.dv_key) live
        where live.added_version > rv
          or ((live.path <> z.e->>0 or live.dv_key <> z.e->>2) and live.dv_key is distinct from z.e->>3)
        union all
        select z.o, z.e->>0, null, false, false, former.removed_version
        from jsonb_array_elements(tab->'adds') with ordinality z(e, o)
        cross join lateral (select ${former.version} removed_version from dl_files f
          where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.removed_version > rv
            and f.removed_version < ${OPEN}${former.where} order by f.removed_version limit 1) former
        where head_removed > rv
      ) c group by c.o
    ) a order by a.o limit 20) b;
  return coalesce(removes, '[]') || coalesce(adds, '[]');
end $function$`;

/** Writes one version of `t`; `at` holds version, timestamp, … as VersionWrite of write-version.ts. */
const WRITE_VERSION = `
create function dl_write_version(t dl_tables, at jsonb, tab jsonb) returns void language plpgsql volatile as $function$
#variable_conflict use_column
declare
  tid constant uuid := t.table_id;
  v constant bigint := (at->>'version')::bigint;
  ts constant bigint := (at->>'timestamp')::bigint;
  first_ord constant int := (at->>'firstOrd')::int;
  importing constant boolean := (at->>'importing')::boolean;
  is_checkpoint constant boolean := (at->>'isCheckpoint')::boolean;
  row_ids constant boolean := (tab->>'rowIds')::boolean;
  blind constant boolean := (tab->>'isBlindAppend')::boolean;
  n_adds constant int := jsonb_array_length(tab->'adds');
  n_removes constant int := jsonb_array_length(tab->'removes');
  n_domains int := jsonb_array_length(tab->'domains');
  mark bigint := greatest(t.row_id_high_water_mark, (tab->>'highWaterMark')::bigint);
  removed tid[]; replaced tid[]; closed record; added record;
begin
  select array_agg(live.ctid) into removed from jsonb_array_elements(tab->'removes') z(e)
  cross join lateral (select f.ctid from dl_files f
    where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.dv_key >= z.e->>2 and f.dv_key <= z.e->>2
      and f.removed_version = ${OPEN} order by f.dv_key) live;
  select array_agg(live.ctid) into replaced from jsonb_array_elements(tab->'adds') z(e)
  cross join lateral (select f.ctid from dl_files f
    where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.dv_key >= z.e->>2 and f.dv_key <= z.e->>2
      and f.removed_version = ${OPEN} order by f.dv_key) live;
  with c as (
    update dl_files set removed_version = v where ctid = any (removed || replaced) returning size, h0, h1, h2, h3)
  select count(*) n, coalesce(sum(size), 0) size, coalesce(sum(h0), 0) h0, coalesce(sum(h1), 0) h1,
    coalesce(sum(h2), 0) h2, coalesce(sum(h3), 0) h3 into closed from c;
  insert into dl_removes (table_id, version, ord, path, path_key, dv_key, deletion_timestamp, data_change, action)
  select tid, v, first_ord + z.o - 1, z.e->>0, (z.e->>1)::uuid, z.e->>2, (z.e->>3)::bigint, (z.e->>4)::boolean,
    case when gone.base_row_id is null then z.e->>5
      else '{"baseRowId":' || gone.base_row_id || coalesce(',"defaultRowCommitVersion":' || gone.default_row_commit_version, '')
        || case when z.e->>5 = '{}' then '}' else ',' || substr(z.e->>5, 2) end end
  from jsonb_array_elements(tab->'removes') with ordinality z(e, o)
  left join lateral (
    select p.* from (select dv_key, base_row_id, default_row_commit_version from dl_files
      where row_ids and table_id = tid and path_key = (z.e->>1)::uuid
        and removed_version >= v and removed_version < ${OPEN} order by removed_version limit 4) p
    where p.dv_key = z.e->>2 limit 1) gone on true;

  with z as (
    select j.e, j.o, former.base_row_id former_id, former.default_row_commit_version former_version
    from jsonb_array_elements(tab->'adds') with ordinality j(e, o)
    left join lateral (
      select p.* from (select dv_key, base_row_id, default_row_commit_version from dl_files
        where row_ids and closed.n > 0 and table_id = tid and path_key = (j.e->>1)::uuid
          and removed_version >= v and removed_version < ${OPEN} order by removed_version limit 4) p
      order by p.dv_key <> j.e->>2 limit 1) former on true),
  y as (
    select z.*, row_ids and former_id is null is_fresh from z),
  x as (
    select y.*, case when is_fresh then coalesce((e->>9)::bigint, 0) else 0 end ids from y),
  numbered as (
    select x.*, sum(ids) over (order by o rows unbounded preceding) - ids + mark + 1 first_id from x),
  i as (
    insert into dl_files (table_id, added_version, ord, path, path_key, dv_key, partition_values, size, modification_time,
      data_change, stats, num_records, tags, deletion_vector, base_row_id, default_row_commit_version, clustering_provider,
      unknown, h0, h1, h2, h3)
    select tid, v, first_ord + o - 1, e->>0, (e->>1)::uuid, e->>2, e->>4, (e->>5)::bigint, (e->>6)::bigint, (e->>7)::boolean,
      e->>8, (e->>9)::bigint, e->>10, e->>11,
      case when is_fresh then first_id::bigint when row_ids then former_id else (e->>12)::bigint end,
      case when is_fresh then v when row_ids then coalesce(former_version, v) else (e->>13)::bigint end,
      e->>14, e->>15, (e->>16)::bigint, (e->>17)::bigint, (e->>18)::bigint, (e->>19)::bigint
    from numbered returning size, h0, h1, h2, h3)
  select count(*) n, coalesce(sum(size), 0) size, coalesce(sum(h0), 0) h0, coalesce(sum(h1), 0) h1,
    coalesce(sum(h2), 0) h2, coalesce(sum(h3), 0) h3, (select coalesce(sum(ids), 0) from x) ids into added from i;
  mark := mark + added.ids;

  if tab ? 'metadata' then
    -- lateValues() of in-commit-timestamps.ts: what was not known before the lock
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
  insert into dl_txns (table_id, version, ord, app_id, txn_version, last_updated, unknown)
  select tid, v, o - 1, e->>0, (e->>1)::bigint, (e->>2)::bigint, e->>3
  from jsonb_array_elements(tab->'txns') with ordinality z(e, o)
  on conflict (table_id, app_id, version) do update
  set txn_version = excluded.txn_version, last_updated = excluded.last_updated, unknown = excluded.unknown;
  insert into dl_domains (table_id, version, ord, domain, configuration, removed, unknown)
  select tid, v, o - 1, e->>0, e->>1, (e->>2)::boolean, e->>3
  from jsonb_array_elements(tab->'domains') with ordinality z(e, o)
  on conflict (table_id, domain, version) do update
  set configuration = excluded.configuration, removed = excluded.removed, unknown = excluded.unknown;
  if row_ids and mark > t.row_id_high_water_mark then
    insert into dl_domains (table_id, version, ord, domain, configuration, removed)
    values (tid, v, n_domains, 'delta.rowTracking', '{"rowIdHighWaterMark":' || mark || '}', false);
  end if;
  insert into dl_other_actions (table_id, version, ord, action)
  select tid, v, o - 1, e from jsonb_array_elements_text(tab->'others') with ordinality z(e, o);

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

const PINNED = `set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off
  set enable_mergejoin = off set enable_sort = off set jit = off set work_mem = '64MB'`;

const COMMIT = `
create function dl_commit(request text) returns text language plpgsql volatile ${PINNED} as $function$
declare
  req constant jsonb := request::jsonb;
  tx_id constant uuid := (req->>'transactionId')::uuid;
  first dl_transactions; t dl_tables; tab jsonb; tid uuid; names text[]; now_ms bigint; ts bigint;
  rejections jsonb := '[]'; moved jsonb := '[]'; committed jsonb := '[]'; found_names text[];
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'dl_commit must run under READ COMMITTED' using errcode = '25001';
  end if;
  select array_agg(n) into names from (
    select 'transaction:' || tx_id n
    union all
    select unnest(case when x ? 'create'
      then array['table:' || (x->>'tableId'), 'name:' || (x->'create'->>'name'), 'location:' || (x->'create'->>'location')]
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
        or ((d.name = tab->'create'->>'name' or d.location = tab->'create'->>'location') and d.status <> 'DELETED');
      if found_names is not null then
        rejections := rejections || jsonb_build_object('tableId', tid, 'reason',
          case when tab->'create'->>'name' = any (found_names) then 'nameTaken' else 'locationTaken' end);
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
    rejections := rejections || dl_check_rows(tid, coalesce(t.version, -1), coalesce(t.remove_version, -1), tab);
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
    perform dl_write_version(t, jsonb_build_object('version', t.version + 1, 'timestamp', ts,
      'inCommitTimestamp', case when (tab->>'inCommitTimestamps')::boolean then ts end, 'transactionId', tx_id,
      'importing', false, 'firstOrd', 0, 'complete', true, 'isCheckpoint', false), tab);
    insert into dl_mirror_status (table_id, version, status, committed_at) values (tid, t.version + 1, 'IN_FLIGHT', now_ms);
    committed := committed || jsonb_build_object('tableId', tid, 'version', t.version + 1, 'timestamp', ts);
  end loop;
  insert into dl_transactions (transaction_id, request_hash, committed_at, result)
  values (tx_id, req->>'requestHash', ts, committed::text);
  return jsonb_build_object('status', 'committed', 'replayed', false, 'committedAt', ts, 'tables', committed)::text;
end $function$`;

const IMPORT_BATCH = `
create function dl_import_batch(request text) returns text language plpgsql volatile ${PINNED} as $function$
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
  perform dl_write_version(t, jsonb_build_object('version', req->'version', 'timestamp', req->'timestamp',
    'inCommitTimestamp', req->'inCommitTimestamp', 'transactionId', null, 'importing', true,
    'firstOrd', req->'firstOrd', 'complete', req->'complete', 'isCheckpoint', req->'isCheckpoint'), req);
  update dl_tables set import_version = (req->'next'->>'version')::bigint,
    import_actions = (req->'next'->>'checkpointActions')::bigint where table_id = tid;
  return '{"status":"applied"}';
end $function$`;

export const POSTGRES_COMMIT_FUNCTIONS: readonly string[] = [
  LOCK,
  checkRows("create", { where: " and f.added_version <= rv", version: "f.removed_version" }),
  WRITE_VERSION,
  COMMIT,
  IMPORT_BATCH,
];
