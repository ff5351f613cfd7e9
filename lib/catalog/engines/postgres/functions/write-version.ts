/** dl_write_version_2: writes the rows of one version. Its twin in TypeScript is commit/write-version.ts. */

import { FILE_COLUMNS } from "../../../rows/add.ts";
import { FINGERPRINT_COLUMNS, HASH_COLUMNS, MARKER_COLUMNS } from "../../../rows/heads.ts";
import { OPEN } from "./settings.ts";

/** What a file's row brings along; its row ids are decided here. */
export const GIVEN = FILE_COLUMNS.filter(
  (column) => !["base_row_id", "default_row_commit_version"].includes(column),
).join(", ");

/** What files add to the sums of a head. */
const SUMMED = ["size", ...HASH_COLUMNS];
export const SUMS = SUMMED.map((column) => `coalesce(sum(${column}), 0)::bigint ${column}`).join(", ");

/** The lanes of a fingerprint are sums of 32 bits. */
const MOVED = (sign: "+" | "-") =>
  FINGERPRINT_COLUMNS.map((lane, i) => `t.${lane} := (t.${lane} ${sign} sums.${HASH_COLUMNS[i]}) & 4294967295;`).join(
    " ",
  );

/** The columns of dl_tables that a version may change. */
const HEAD_COLUMNS = [
  ...["version", "timestamp", "num_files", "size_in_bytes", "row_id_high_water_mark"],
  ...Object.values(MARKER_COLUMNS),
  ...FINGERPRINT_COLUMNS,
];

/**
 * Writes a version below the head `t`, and answers the new head. Rows come as JSON objects by the names of the columns: jsonb_populate_recordset makes rows of the table out of them, and
 * nothing is found by its place. The columns of a file are in rows/add.ts. `at` holds a VersionWrite of the twin, `tab` a TableWrite of commit/planned-rows.ts.
 */
export const WRITE_VERSION = /* sql */ `
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
        and f.removed_version = ${OPEN} order by f.dv_key) live;
    select array_agg(live.ctid) into replaced
    from jsonb_to_recordset(tab->'adds') a(path_key uuid, dv_key text)
    cross join lateral (select f.ctid from dl_files f
      where f.table_id = tid and f.path_key = a.path_key and f.dv_key >= a.dv_key and f.dv_key <= a.dv_key
        and f.removed_version = ${OPEN} order by f.dv_key) live;
  end if;
  if removed is not null or replaced is not null then
    with c as (
      update dl_files set removed_version = v where ctid = any (removed || replaced) returning size, h0, h1, h2, h3)
    select count(*) n, ${SUMS} into sums from c;
    n_closed := sums.n;
    t.num_files := t.num_files - sums.n;
    t.size_in_bytes := t.size_in_bytes - sums.size;
    ${MOVED("-")}
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
          and removed_version >= v and removed_version < ${OPEN} order by removed_version limit 4) p
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
              and removed_version >= v and removed_version < ${OPEN} order by removed_version limit 4) p
          order by p.dv_key <> f.dv_key limit 1) former on true
        left join lateral (
          select old.base_row_id, old.default_row_commit_version from dl_files old
          where f.base_row_id is not null and former.base_row_id is null and old.table_id = tid
            and old.path_key = f.path_key and old.removed_version < v and old.removed_version < ${OPEN}
            and old.base_row_id = f.base_row_id order by old.removed_version desc limit 1) back on true),
      counted as (
        select a.*, case when is_fresh then coalesce(num_records, 0) else 0 end ids from a),
      numbered as (
        select counted.*, sum(ids) over (order by ord rows unbounded preceding) - ids + t.row_id_high_water_mark + 1 first_id
        from counted),
      i as (
        insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
          ${GIVEN})
        select tid, v, case when is_fresh then first_id::bigint else former_id end,
          case when is_fresh then v else coalesce(former_version, v) end,
          ${GIVEN}
        from numbered returning size, h0, h1, h2, h3)
      select (select coalesce(sum(ids), 0) from counted) ids, ${SUMS} into sums from i;
      t.row_id_high_water_mark := t.row_id_high_water_mark + sums.ids;
    else
      with i as (
        insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
          ${GIVEN})
        select tid, v, base_row_id, default_row_commit_version,
          ${GIVEN}
        from jsonb_populate_recordset(null::dl_files, tab->'adds') returning size, h0, h1, h2, h3)
      select ${SUMS} into sums from i;
    end if;
    t.num_files := t.num_files + n_adds;
    t.size_in_bytes := t.size_in_bytes + sums.size;
    ${MOVED("+")}
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
    ${HEAD_COLUMNS.map((column) => `${column} = t.${column}`).join(", ")}
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
