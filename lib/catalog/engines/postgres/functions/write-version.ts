/** dl_write_version_2: writes the rows of one version. Its twin in TypeScript is commit/write-version.ts. */

import { FILE_COLUMNS } from "../../../rows/add.ts";
import { OPEN } from "./settings.ts";

/** What a file's row brings along; its row ids are decided here. */
const GIVEN = FILE_COLUMNS.filter((column) => !["base_row_id", "default_row_commit_version"].includes(column)).join(
  ", ",
);

/**
 * Rows come as JSON objects by the names of the columns: jsonb_populate_recordset makes rows of the table out of them, and
 * nothing is found by its place. The columns of a file are in rows/add.ts. `at` holds a VersionWrite of the twin, `tab` a TableWrite of commit/planned-rows.ts.
 */
export const WRITE_VERSION = /* sql */ `
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
      and f.removed_version = ${OPEN} order by f.dv_key) live;
  select array_agg(live.ctid) into replaced
  from jsonb_to_recordset(tab->'adds') a(path_key uuid, dv_key text)
  cross join lateral (select f.ctid from dl_files f
    where f.table_id = tid and f.path_key = a.path_key and f.dv_key >= a.dv_key and f.dv_key <= a.dv_key
      and f.removed_version = ${OPEN} order by f.dv_key) live;
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
        and removed_version >= v and removed_version < ${OPEN} order by removed_version limit 4) p
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
          and removed_version >= v and removed_version < ${OPEN} order by removed_version limit 4) p
      order by p.dv_key <> f.dv_key limit 1) former on true
    left join lateral (
      select old.base_row_id, old.default_row_commit_version from dl_files old
      where row_ids and f.base_row_id is not null and former.base_row_id is null and old.table_id = tid
        and old.path_key = f.path_key and old.removed_version < v and old.removed_version < ${OPEN}
        and old.base_row_id = f.base_row_id order by old.removed_version desc limit 1) back on true),
  counted as (
    select a.*, case when is_fresh then coalesce(num_records, 0) else 0 end ids from a),
  numbered as (
    select counted.*, sum(ids) over (order by ord rows unbounded preceding) - ids + mark + 1 first_id from counted),
  i as (
    insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
      ${GIVEN})
    select tid, v,
      case when is_fresh then first_id::bigint when row_ids then former_id else base_row_id end,
      case when is_fresh then v when row_ids then coalesce(former_version, v) else default_row_commit_version end,
      ${GIVEN}
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
