/**
 * dl_check_rows_2: what only rows can tell, as rejections; NULL where there are none and no path of the request has a live file, so that
 * the version has none to close. Its twin in TypeScript is commit/check-rows.ts.
 */

import { MAX_REJECTIONS } from "../../../limits.ts";
import { OPEN } from "./settings.ts";

export const CHECK_ROWS = /* sql */ `
create function dl_check_rows_2(tid uuid, head bigint, head_removed bigint, tab jsonb) returns jsonb language plpgsql volatile as $function$
declare
  rv constant bigint := coalesce(tab->>'filesUpTo', tab->>'readVersion')::bigint;
  removes jsonb;
  adds jsonb;
  fresh boolean := false;
  floor bigint;
begin
  select m.vacuum_floor into floor from dl_maintenance m where m.table_id = tid;
  if jsonb_array_length(tab->'removes') = 0 then
    -- An append, nearly always: no path of it is live, and nobody has removed anything since the read.
    perform from jsonb_to_recordset(tab->'adds') a(path_key uuid)
    cross join lateral (select f.dv_key from dl_files f
      where f.table_id = tid and f.path_key = a.path_key and f.removed_version = ${OPEN} order by f.dv_key limit 1) live
    limit 1;
    fresh := not found;
    if fresh and head_removed <= rv and floor is null then return null; end if;
  end if;

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
        and f.removed_version = ${OPEN} order by f.dv_key) live on true
    -- the same file, gone since the read
    left join lateral (select f.removed_version as version from dl_files f
      where f.table_id = tid and f.path_key = r.path_key and f.dv_key = r.dv_key
        and f.removed_version > rv and f.removed_version < ${OPEN} order by f.removed_version limit 1) former on true
    -- the same path with any deletion vector
    left join lateral (select max(f.added_version) as version from (select added_version from dl_files
      where table_id = tid and path_key = r.path_key and removed_version = ${OPEN} order by dv_key) f) other on true
    where live.added_version is null or live.added_version > rv or live.path <> r.path
    order by r.ord limit ${MAX_REJECTIONS}) bad;

  select jsonb_agg(bad.rejection order by bad.ord) into adds from (
    select a.ord, jsonb_build_object('tableId', tid, 'path', a.path,
      'reason', case when a.newer is not null then 'addedByWinner' when a.spelled then 'otherSpelling'
        when a.blocked then 'addOverLive' when a.former is not null then 'addedByWinner' else 'vacuumed' end,
      'version', case when a.newer is not null then a.newer when a.spelled or a.blocked then head
        when a.former is not null then a.former else floor end) rejection
    from (
      select c.ord, min(c.path) path, max(c.newer) newer, bool_or(c.spelled) spelled, bool_or(c.blocked) blocked, min(c.former) former
      from (
        select a.ord, a.path, case when live.added_version > rv then live.added_version end newer,
          live.path <> a.path and live.dv_key is distinct from a.replaces spelled,
          live.dv_key <> a.dv_key and live.dv_key is distinct from a.replaces blocked, null::bigint former
        from jsonb_to_recordset(tab->'adds') a(ord int, path text, path_key uuid, dv_key text, replaces text)
        cross join lateral (select f.path, f.dv_key, f.added_version from dl_files f
          where f.table_id = tid and f.path_key = a.path_key and f.removed_version = ${OPEN} order by f.dv_key) live
        where live.added_version > rv
          or ((live.path <> a.path or live.dv_key <> a.dv_key) and live.dv_key is distinct from a.replaces)
        union all
        -- Whoever touched the path after the read, also where that file has gone again: what was refused stays refused.
        select a.ord, a.path, null, false, false, former.version
        from jsonb_to_recordset(tab->'adds') a(ord int, path text, path_key uuid)
        cross join lateral (
          select case when f.added_version > rv then f.added_version else f.removed_version end as version from dl_files f
          where f.table_id = tid and f.path_key = a.path_key and f.removed_version > rv
            and f.removed_version < ${OPEN} order by f.removed_version limit 1) former
        where head_removed > rv
        union all
        -- Files and deletion vectors that vacuum has removed, or is about to: their last remove is below what it keeps.
        select a.ord, a.path, null, false, false, null
        from jsonb_to_recordset(tab->'adds') a(ord int, path text, path_key uuid, dv_key text)
        left join lateral (select r.version from dl_removes r
          where r.table_id = tid and r.path_key = a.path_key order by r.version desc limit 1) gone on true
        left join lateral (select r.version from dl_removes r where r.table_id = tid and r.path_key = a.path_key
          and r.dv_key = a.dv_key order by r.version desc limit 1) gone_vector on a.dv_key <> ''
        left join lateral (select max(f.dv_key) any_key, max(f.dv_key) filter (where f.dv_key = a.dv_key) same_key from (
          select dv_key from dl_files where table_id = tid and path_key = a.path_key and removed_version = ${OPEN}
          order by dv_key) f) live on true
        where floor is not null and live.same_key is null
          and ((gone.version <= floor and live.any_key is null) or gone_vector.version <= floor)
      ) c group by c.ord
    ) a order by a.ord limit ${MAX_REJECTIONS}) bad;
  if fresh and adds is null then return null; end if;
  return coalesce(removes, '[]') || coalesce(adds, '[]');
end $function$`;
