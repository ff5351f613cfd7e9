/**
 * An append that has nothing but files, which nearly every commit is: its version in one statement of dl_commit_one_2. A statement
 * costs more than the work in it, and so does each assignment to a head. All else goes by dl_write_version_2, which does the same.
 */

import { FINGERPRINT_COLUMNS, HASH_COLUMNS } from "../../../rows/heads.ts";
import { GIVEN, SUMS } from "./write-version.ts";

/** Within dl_commit_one_2, of the table `tab` whose rows have been checked. */
export const IS_PLAIN_APPEND = /* sql */ `fresh[i] and tab->'adds' <> '[]' and tab->'txns' = '[]' and tab->'domains' = '[]'
      and tab->'others' = '[]' and not (tab->>'rowIds')::boolean
      and not tab ?| '{create,metadata,protocol,highWaterMark}'`;

const LANES = FINGERPRINT_COLUMNS.map((lane, i) => `${lane} = (d.${lane} + sums.${HASH_COLUMNS[i]}) & 4294967295`);
const MOVED = ["num_files", "size_in_bytes", ...FINGERPRINT_COLUMNS].join(", ");

/** Below the head `t`, at `ts`. A fresh append closes no file, so no remove is there to be told. */
export const WRITE_APPEND = /* sql */ `with files as (
        insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
          ${GIVEN})
        select t.table_id, t.version + 1, base_row_id, default_row_commit_version,
          ${GIVEN}
        from jsonb_populate_recordset(null::dl_files, tab->'adds') returning size, ${HASH_COLUMNS.join(", ")}),
      sums as (select count(*) n, ${SUMS} from files),
      head as (
        update dl_tables d set version = t.version + 1, timestamp = ts, num_files = d.num_files + sums.n,
          size_in_bytes = d.size_in_bytes + sums.size, add_version = t.version + 1,
          non_blind_add_version = case when (tab->>'isBlindAppend')::boolean then d.non_blind_add_version else t.version + 1 end,
          ${LANES.join(", ")}
        from sums where d.table_id = t.table_id returning sums.n, d.${MOVED.replaceAll(", ", ", d.")}),
      unpublished as (
        insert into dl_mirror_status (table_id, version, status, committed_at)
        values (t.table_id, t.version + 1, 'IN_FLIGHT', now_ms))
      insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
        num_removes, ${MOVED}, commit_info)
      select t.table_id, t.version + 1, tx_id, ts, case when (tab->>'inCommitTimestamps')::boolean then ts end,
        (tab->>'isBlindAppend')::boolean, n, 0, ${MOVED}, tab->>'commitInfo' from head;`;
