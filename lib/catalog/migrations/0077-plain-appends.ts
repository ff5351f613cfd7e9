/**
 * PostgreSQL: a version that only adds files is written by one statement of dl_commit_one_2, and dl_commit_2 takes all locks of its
 * group by one. All else in these is as it was.
 */

import { POSTGRES_FUNCTIONS_BY_NAME } from "./0006-rows-by-name.ts";
import { changed, POSTGRES_NOTED_COMMITS } from "./0061-noted-commits.ts";

const GIVEN =
  "ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3";
const HEAD_LANES = "fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3";
const LANES = [0, 1, 2, 3].map((i) => `fingerprint_${i} = (d.fingerprint_${i} + sums.h${i}) & 4294967295`).join(", ");
const SUMS = ["size", "h0", "h1", "h2", "h3"]
  .map((column) => `coalesce(sum(${column}), 0)::bigint ${column}`)
  .join(", ");

const WRITE_APPEND = `with files as (
        insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
          ${GIVEN})
        select t.table_id, t.version + 1, base_row_id, default_row_commit_version,
          ${GIVEN}
        from jsonb_populate_recordset(null::dl_files, tab->'adds') returning size, h0, h1, h2, h3),
      sums as (select count(*) n, ${SUMS} from files),
      head as (
        update dl_tables d set version = t.version + 1, timestamp = ts, num_files = d.num_files + sums.n,
          size_in_bytes = d.size_in_bytes + sums.size, add_version = t.version + 1,
          non_blind_add_version = case when (tab->>'isBlindAppend')::boolean then d.non_blind_add_version else t.version + 1 end,
          ${LANES}
        from sums where d.table_id = t.table_id returning sums.n, d.num_files, d.size_in_bytes, ${[0, 1, 2, 3].map((i) => `d.fingerprint_${i}`).join(", ")}),
      unpublished as (
        insert into dl_mirror_status (table_id, version, status, committed_at)
        values (t.table_id, t.version + 1, 'IN_FLIGHT', now_ms))
      insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
        num_removes, num_files, size_in_bytes, ${HEAD_LANES}, commit_info)
      select t.table_id, t.version + 1, tx_id, ts, case when (tab->>'inCommitTimestamps')::boolean then ts end,
        (tab->>'isBlindAppend')::boolean, n, 0, num_files, size_in_bytes, ${HEAD_LANES}, tab->>'commitInfo' from head;`;

const COMMIT_ONE = changed(POSTGRES_NOTED_COMMITS[1] ?? "", [
  [
    "    t := dl_write_version_2(t, jsonb_build_object(",
    `    if fresh[i] and tab->'adds' <> '[]' and tab->'txns' = '[]' and tab->'domains' = '[]'
      and tab->'others' = '[]' and not (tab->>'rowIds')::boolean
      and not tab ?| '{create,metadata,protocol,highWaterMark}' then
      ${WRITE_APPEND}
      committed := committed || jsonb_build_object('tableId', t.table_id, 'version', t.version + 1, 'timestamp', ts);
      continue;
    end if;
    t := dl_write_version_2(t, jsonb_build_object(`,
  ],
]);

const GROUP_BEFORE = POSTGRES_FUNCTIONS_BY_NAME.find((text) => text.includes("create function dl_commit_2(")) ?? "";
const [, EPOCH = ""] = /select (concat_ws[\s\S]*?) into present;/.exec(GROUP_BEFORE) ?? [];

const COMMIT_GROUP = changed(GROUP_BEFORE, [
  ["create function dl_commit_2(", "create or replace function dl_commit_2("],
  ["  present text;", "  home uuid; present text;"],
  [
    `  if req ? 'database' and not exists (
    select from dl_migrations where id = 10 and database_id = (req->>'database')::uuid) then
    raise exception 'the request is for the catalog %', req->>'database' using errcode = 'DL001';
  end if;
`,
    "",
  ],
  [
    `  select ${EPOCH} into present;`,
    `  select (select database_id from dl_migrations where id = 10), ${EPOCH} into home, present;
  if req ? 'database' and home is distinct from (req->>'database')::uuid then
    raise exception 'the request is for the catalog %', req->>'database' using errcode = 'DL001';
  end if;`,
  ],
  [
    `    perform dl_lock_both(array(select n from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'locks') n),
      array(select n from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'sharedLocks') n));
`,
    `    -- As dl_lock_both: all at once, in ascending order of their keys.
    perform case when k.s then pg_advisory_xact_lock_shared(k.h) else pg_advisory_xact_lock(k.h) end
    from (select hashtextextended(l.n, 0) h, bool_and(l.s) s
      from (select n, false s from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'locks') n union all
        select n, true from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'sharedLocks') n) l
      group by h order by h) k;
`,
  ],
]);

export const POSTGRES_PLAIN_APPENDS: readonly string[] = [COMMIT_ONE, COMMIT_GROUP];
