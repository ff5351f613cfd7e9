table dl_access -- Whether grants are held against requests. One row; none: they are not, and there has been no change.
  name text collate "C" not null -- access.
  mode text not null -- open, or enforced.
  version bigint not null -- Grows with each change of grants, roles, policies and this row.
  changed_at bigint not null -- When that was, in milliseconds.

table dl_api_keys -- API keys of dl serve. Only hashes: a key is shown once, when it is made. Not for the login that may only read.
  key_id text collate "C" not null -- 16 hex digits: the part of a key that is no secret.
  name text not null -- Of the user as whom the holder acts: user:NAME.
  hash text not null -- SHA-256 (hex) of the whole key, which has 256 random bits.
  access text not null -- read, or write, which is both.
  created_at bigint not null -- When it was made, in milliseconds.
  expires_at bigint -- From when on it is refused; NULL: never.
  revoked_at bigint -- When it was revoked; NULL: it was not.
  last_used_at bigint -- Its last use, up to some minutes late; NULL: none.
  kind text -- s3: an access key for the gateway, whose secret is made of this row by a master secret that is not here; hash is that of the secret. NULL: a key of the API.

table dl_audit -- Who tried what, what was decided, and what came of it. Rows are added and never changed; each has the hash of the one before.
  shard text collate "C" not null -- The process that wrote it, from its start to its end: a chain of its own.
  seq bigint not null -- Place in the chain, from 1 without a gap.
  at bigint not null -- When, in milliseconds.
  request_id text not null -- Also in the answer, and in the log.
  who text not null -- user:NAME; empty where nobody was named.
  session text not null -- Which of their keys, tokens or sessions; empty for none.
  client text not null -- The address that it came from; empty where that is not known.
  operation text not null -- Operation of the API.
  tables text not null -- As the request named them: a JSON list.
  decision text not null -- allowed, denied, or failed.
  outcome text not null -- Status of the answer.
  because text not null -- Grants and policies that decided, or what was lacking.
  effect text not null -- What it has changed, as JSON; empty for nothing.
  previous text not null -- Hash of the row before.
  hash text not null -- SHA-256 (hex) of all of the above.

table dl_domains -- domainMetadata actions. The one of a domain is the newest; none when that has removed = true.
  table_id uuid not null -- Table, as in dl_tables.
  domain text collate "C" not null -- Name of the domain.
  version bigint not null -- Version of the table whose commit holds this action.
  ord integer not null -- Place within the commit, from 0.
  configuration text not null -- Configuration of the domain.
  removed boolean not null -- True when the action takes the domain away.
  unknown text -- Fields that the protocol does not name, as a JSON object.

table dl_files -- Files: one row per add action. A file is live at version v when added_version <= v < removed_version.
  table_id uuid not null -- Table, as in dl_tables.
  added_version bigint not null -- Version that added the file.
  ord integer not null -- Place among the add actions of that version, from 0.
  removed_version bigint not null default '9007199254740991'::bigint -- Version that removed or replaced it; 9007199254740991 while it is live.
  path text collate "C" not null -- Path exactly as in the action: percent-encoded, relative to the table or absolute.
  path_key uuid not null -- First 16 bytes of the SHA-256 of the canonical path: all spellings of a path share it.
  dv_key text collate "C" not null -- Short hash of the deletion vector's id; empty without one. A file is (path, deletion vector).
  partition_values text not null -- Partition values as a JSON object of strings and nulls.
  size bigint not null -- Size of the file in bytes.
  modification_time bigint not null -- Milliseconds since the epoch.
  data_change boolean not null -- False when the action only moved rows that were there.
  stats text -- Statistics: JSON text exactly as it came.
  num_records bigint -- numRecords of the statistics: physical rows of the file.
  tags text -- Tags as a JSON object.
  deletion_vector text -- Deletion vector descriptor as a JSON object.
  base_row_id bigint -- Row id of the first row, with row tracking.
  default_row_commit_version bigint -- Version that first held the rows, with row tracking.
  clustering_provider text -- Name of the clustering implementation.
  unknown text -- Fields that the protocol does not name, as a JSON object.
  h0 bigint not null -- Lane 0 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.
  h1 bigint not null -- Lane 1 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.
  h2 bigint not null -- Lane 2 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.
  h3 bigint not null -- Lane 3 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.

table dl_grants -- Privileges that have been granted.
  resource text collate "C" not null -- catalog, namespace:NAME or table:UUID.
  grantee text collate "C" not null -- user:NAME, group:NAME or role:NAME.
  privilege text collate "C" not null -- Such as SELECT; ALL; or OWN, of the owner of a table.
  made_by text not null -- Who made it.
  made_at bigint not null -- When, in milliseconds.

table dl_maintenance -- Upkeep of the tables: what each one wants done, and how far that has come. No row: the defaults, and nothing yet.
  table_id uuid not null -- Table, as in dl_tables.
  vacuum boolean -- Whether the schedule vacuums it; NULL: as the service says.
  clean_log boolean -- Whether the schedule cleans its log; NULL: as the service says.
  trim_history boolean -- Whether the schedule trims its history in SQL; NULL: as the service says.
  history_retention bigint -- How long SQL keeps its versions, in milliseconds; NULL: as the service says.
  vacuum_floor bigint -- Files that only versions below this one have may be gone, and no commit may add them again; NULL: vacuum has removed none.
  vacuumed_version bigint -- Files removed up to this version have been dealt with; NULL: none.
  vacuum_at bigint -- When vacuum last ended, in milliseconds.
  condemned_at bigint -- When vacuum_floor was last raised, in milliseconds.
  clean_log_at bigint -- When the log was last cleaned, in milliseconds.
  trim_history_at bigint -- When the history was last trimmed, in milliseconds.
  last_error text -- Why the schedule last failed; NULL when it did not.
  compact boolean -- Whether the schedule compacts it; NULL: as the service says.
  compact_at bigint -- When the schedule last compacted it, in milliseconds.

table dl_metadata -- metaData actions. The one of a version is the newest at or below it.
  table_id uuid not null -- Table, as in dl_tables.
  version bigint not null -- Version of the table whose commit holds this action.
  action text not null -- The metaData action as a JSON object.

table dl_migrations -- Migrations of this schema that have run.
  id bigint not null -- Number of the migration.
  name text not null -- Its name.
  applied_at bigint not null -- When it ran, in milliseconds.
  database_id uuid -- Identity of this catalog, in the row of the migration that gave it; a copy has the same.
  works_from bigint -- Code that knows the migrations up to this one, and not this, can work with the schema; NULL: it cannot.

table dl_mirror_status -- Outbox of the mirror: which versions stand in _delta_log.
  table_id uuid not null -- Table, as in dl_tables.
  version bigint not null -- Version to publish.
  status text not null -- IN_FLIGHT, COMPLETE (published) or FAILED.
  attempts bigint not null default 0 -- How often publishing failed or had to be repeated.
  last_error text -- Message of the last failure.
  committed_at bigint not null -- When the version was committed, by the clock of the database, in milliseconds.
  tried_at bigint -- When publishing last failed, in milliseconds.
  published_at bigint -- When it was published, in milliseconds.
  error_code text -- Code of the last failure (LOG_FILE_MISSING, LOG_AHEAD, FOREIGN_COMMIT …); of a COMPLETE version, what became of its file since.

table dl_operator_grants -- Privileges of operators that have been granted, each by itself.
  resource text collate "C" not null -- catalog, namespace:NAME or table:UUID.
  grantee text collate "C" not null -- user:NAME, group:NAME or role:NAME.
  privilege text collate "C" not null -- Such as VACUUM.
  made_by text not null -- Who made it.
  made_at bigint not null -- When, in milliseconds.

table dl_other_actions -- Actions that change no table state: cdc, and actions that this release does not know.
  table_id uuid not null -- Table, as in dl_tables.
  version bigint not null -- Version of the table whose commit holds this action.
  ord integer not null -- Place within the commit, from 0.
  action text not null -- The whole action object as JSON.

table dl_parity -- Parity checks: the last one of each table.
  table_id uuid not null -- Table, as in dl_tables.
  outcome text not null -- ok, drift or lag.
  version bigint not null -- Version up to which SQL and log were compared; -1 for none.
  log_digest text not null -- SHA-256 (hex) of the names, sizes and times of the log's files up to that version.
  checked_at bigint not null -- When it was checked, in milliseconds.
  compared_at bigint not null -- When everything was last compared, field by field, in milliseconds; later checks went on from there.
  report text -- The differences as JSON; NULL when there were none.
  drift text -- How many differences of each kind, as a JSON object; NULL when there were none.

table dl_policies -- Policies beside the grants, in Cedar.
  name text collate "C" not null -- Its name.
  text text not null -- One policy in Cedar's language.
  made_by text not null -- Who made it.
  made_at bigint not null -- When, in milliseconds.

table dl_protocols -- protocol actions. The one of a version is the newest at or below it.
  table_id uuid not null -- Table, as in dl_tables.
  version bigint not null -- Version of the table whose commit holds this action.
  action text not null -- The protocol action as a JSON object.

table dl_removes -- Remove actions: for the mirror, and as tombstones of checkpoints.
  table_id uuid not null -- Table, as in dl_tables.
  version bigint not null -- Version of the table whose commit holds this action.
  ord integer not null -- Place among the remove actions of that version, from 0.
  path text collate "C" not null -- Path exactly as in the action: percent-encoded, relative to the table or absolute.
  path_key uuid not null -- First 16 bytes of the SHA-256 of the canonical path: all spellings of a path share it.
  dv_key text collate "C" not null -- Short hash of the deletion vector's id; empty without one. A file is (path, deletion vector).
  deletion_timestamp bigint -- Milliseconds since the epoch; NULL counts as 0: expired.
  data_change boolean not null -- False when the action only moved rows that were there.
  action text not null -- All other fields of the action as a JSON object.

table dl_role_members -- Who is in which role. A role may be in other roles, but never in itself.
  role text collate "C" not null -- Its name.
  member text collate "C" not null -- user:NAME, group:NAME or role:NAME.
  made_by text not null -- Who made it.
  made_at bigint not null -- When, in milliseconds.

table dl_scan_bounds -- Intervals of keys: all values but null that a file may have in a column. A file without such values has no row.
  index_id bigint not null -- As in dl_scan_indexes; without a row there, these are nobody's.
  node bigint not null -- Of the keys of the interval the one that ends with most zero bits.
  high bigint not null -- The greatest key.
  added_version bigint not null -- The file, as in dl_files.
  ord integer not null -- See added_version.
  low bigint not null -- The least key.

table dl_scan_indexes -- Columns by which scans find files, and how far each index has come. What is beyond is looked at file by file.
  table_id uuid not null -- Table, as in dl_tables.
  index_id bigint not null -- Names the rows of dl_scan_bounds; never given twice.
  column_id text not null -- The column: ["partition", key] or ["data", name, …], with physical names.
  key_form text not null -- How its values become keys: number, date, time, or text: and their common prefix.
  from_version bigint not null -- Files that are live at no version from this one on are not in the index.
  to_version bigint not null -- Files up to this added_version and to_ord are in the index; -1 for none.
  to_ord integer not null -- See to_version.
  num_rows bigint not null -- Rows of dl_scan_bounds.
  created_at bigint not null -- When it was begun, in milliseconds.

table dl_scan_wishes -- Columns by which scans would find files faster. Whoever makes indexes takes the rows away.
  table_id uuid not null -- Table, as in dl_tables.
  column_id text not null -- As in dl_scan_indexes.
  wished_at bigint not null -- When a scan first asked for it, in milliseconds.

table dl_staged_requests -- Parts of requests larger than one call of the RDS Data API, until they are committed. On PostgreSQL only; no part of the lake.
  request_id uuid not null -- The request.
  part integer not null -- Place of this part, from 0.
  body text not null -- Text of this part.
  created_at bigint not null -- When it arrived; a part that is a day old was left behind.

table dl_table_names -- Former names of tables; the present one is in dl_tables.
  table_id uuid not null -- Table, as in dl_tables.
  change bigint not null -- The identity_changes by which the table lost the name.
  name text collate "C" not null -- The former name, as namespace.name.
  valid_from bigint not null -- Since when the table had it, in milliseconds.
  valid_until bigint not null -- When it got another one, in milliseconds.

table dl_table_places -- Former places of tables; the present one is in dl_tables.
  table_id uuid not null -- Table, as in dl_tables.
  change bigint not null -- The identity_changes by which the table left the place.
  location text collate "C" not null -- The former root, as in dl_tables.
  valid_from bigint not null -- Since when the table was there, in milliseconds.
  valid_until bigint not null -- When it moved, in milliseconds.

table dl_tables with (fillfactor=25) -- Heads of the tables: one row each, changed by every commit.
  table_id uuid not null -- Identity of the table; never reused.
  name text collate "C" not null -- Name as namespace.name; unique among tables that are not DELETED.
  location text collate "C" not null -- Root of the table (file:///… or s3://…), without a slash at the end; unique like the name.
  status text not null -- ACTIVE, IMPORTING or DELETED. Only ACTIVE tables can be read and written.
  version bigint not null default '-1'::integer -- Newest version; -1 until the first commit or the end of an import.
  base_version bigint not null default 0 -- Oldest version that these tables can rebuild.
  timestamp bigint not null default 0 -- Timestamp of the newest version, in milliseconds.
  num_files bigint not null default 0 -- Number of live files.
  size_in_bytes bigint not null default 0 -- Sum of the sizes of live files.
  metadata_version bigint not null default '-1'::integer -- Last version with a metaData action; -1 for never.
  protocol_version bigint not null default '-1'::integer -- Last version with a protocol action; -1 for never.
  add_version bigint not null default '-1'::integer -- Last version with an add action; -1 for never.
  non_blind_add_version bigint not null default '-1'::integer -- Last version with an add action whose writer had read the table; -1 for never.
  remove_version bigint not null default '-1'::integer -- Last version that removed or replaced a file; -1 for never.
  txn_version bigint not null default '-1'::integer -- Last version with a txn action; -1 for never.
  domain_version bigint not null default '-1'::integer -- Last version with a domainMetadata action other than delta.rowTracking; -1 for never.
  row_id_high_water_mark bigint not null default '-1'::integer -- Highest row id that was given out; -1 for none.
  fingerprint_0 bigint not null default 0 -- Lane 0 of the fingerprint of the newest version: sum of h0 of all live files, modulo 2^32.
  fingerprint_1 bigint not null default 0 -- Lane 1 of the fingerprint of the newest version: sum of h1 of all live files, modulo 2^32.
  fingerprint_2 bigint not null default 0 -- Lane 2 of the fingerprint of the newest version: sum of h2 of all live files, modulo 2^32.
  fingerprint_3 bigint not null default 0 -- Lane 3 of the fingerprint of the newest version: sum of h3 of all live files, modulo 2^32.
  quarantine text -- Why the mirror has stopped at a foreign commit; NULL when it has not.
  import_plan text -- What the running import was started with; NULL when none runs.
  import_version bigint not null default '-1'::integer -- Last version that the import applied whole; -1 for none.
  import_actions bigint not null default 0 -- File actions of the starting checkpoint that the import applied.
  created_at bigint not null -- When the row was made, in milliseconds.
  dropped_at bigint -- When the table was dropped, in milliseconds.
  identity_changes bigint not null default 0 -- How often name, location or status have changed since the table was made.
  manifest_changes bigint not null default '-1'::integer -- The identity_changes that _delta_log/_deltalakedb.json tells of; -1 for none.
  purged_at bigint -- When the purge of a dropped table began, in milliseconds: from then on it cannot come back.
  forgotten_version bigint not null default '-1'::integer -- Transactions that made versions up to this one may be forgotten, and no request that read an older version is committed; -1 for none.
  forgotten_before bigint not null default 0 -- Ids that were made before this moment, in milliseconds, may be those of forgotten transactions; 0 for none.
  rows_since bigint not null default 0 -- When all rows of the table were last made from a log, by an import, a rebuild or a recovery, in milliseconds; 0 for never.
  followed_at bigint -- Where others write the table: when its log was last looked at, in milliseconds. NULL where the catalog writes it.
  followed_version bigint -- The newest version that was seen in that log; those above the head are not taken over yet.
  follow_error text -- Why the last look could not take over what it saw; NULL when it could.

table dl_transactions -- Transactions: a commit of one or more tables; the idempotency keys.
  transaction_id uuid not null -- Made by the client; the same id is answered with the same result, for ever.
  request_hash text not null -- SHA-256 (hex) of the canonical request.
  committed_at bigint not null -- Timestamp of all its versions, in milliseconds.
  result text not null -- The answer, as JSON: [{tableId, version, timestamp}, …].

table dl_txns -- txn actions: versions of applications. The one of an application is the newest.
  table_id uuid not null -- Table, as in dl_tables.
  app_id text collate "C" not null -- Id of the application.
  version bigint not null -- Version of the table whose commit holds this action.
  ord integer not null -- Place within the commit, from 0.
  txn_version bigint not null -- The application's own version.
  last_updated bigint -- Milliseconds since the epoch, as the writer gave it.
  unknown text -- Fields that the protocol does not name, as a JSON object.

table dl_versions -- Versions of the tables: one row per commit.
  table_id uuid not null -- Table, as in dl_tables.
  version bigint not null -- Version of the table; without gaps.
  transaction_id uuid -- Transaction that wrote it; NULL for imported versions.
  timestamp bigint not null -- Timestamp for time travel, in milliseconds; grows strictly within a table.
  in_commit_timestamp bigint -- In-commit timestamp, where the table has them; equal to timestamp.
  is_blind_append boolean not null -- True when the commit only added files and its writer had read nothing.
  num_adds bigint not null -- Number of add actions; for the checkpoint that an import started with, its files.
  num_removes bigint not null -- Number of remove actions.
  num_files bigint not null -- Number of live files at this version.
  size_in_bytes bigint not null -- Sum of the sizes of live files at this version.
  fingerprint_0 bigint not null default 0 -- Lane 0 of the fingerprint of this version: sum of h0 of all live files, modulo 2^32.
  fingerprint_1 bigint not null default 0 -- Lane 1 of the fingerprint of this version: sum of h1 of all live files, modulo 2^32.
  fingerprint_2 bigint not null default 0 -- Lane 2 of the fingerprint of this version: sum of h2 of all live files, modulo 2^32.
  fingerprint_3 bigint not null default 0 -- Lane 3 of the fingerprint of this version: sum of h3 of all live files, modulo 2^32.
  commit_info text -- The commitInfo action as JSON, without in-commit timestamp.

CREATE UNIQUE INDEX dl_access_pkey ON dl_access USING btree (name);
CREATE UNIQUE INDEX dl_api_keys_pkey ON dl_api_keys USING btree (key_id);
CREATE INDEX dl_audit_at ON dl_audit USING btree (at);
CREATE UNIQUE INDEX dl_audit_pkey ON dl_audit USING btree (shard, seq);
CREATE UNIQUE INDEX dl_domains_pkey ON dl_domains USING btree (table_id, domain, version);
CREATE INDEX dl_domains_version ON dl_domains USING btree (table_id, version);
CREATE INDEX dl_files_former ON dl_files USING btree (table_id, path_key, removed_version) WHERE (removed_version < '9007199254740991'::bigint);
CREATE UNIQUE INDEX dl_files_live ON dl_files USING btree (table_id, path_key, dv_key) WHERE (removed_version = '9007199254740991'::bigint);
CREATE INDEX dl_files_outside ON dl_files USING btree (path_key) WHERE ((path ~~ '/%'::text) OR (path ~~ '%:/%'::text));
CREATE UNIQUE INDEX dl_files_pkey ON dl_files USING btree (table_id, added_version, ord);
CREATE INDEX dl_files_shared_vectors ON dl_files USING btree (table_id, added_version, ord) WHERE (substr(deletion_vector, 1, 18) = '{"storageType":"p"'::text);
CREATE INDEX dl_files_vectors ON dl_files USING btree (table_id, substr(deletion_vector, 1, 57)) WHERE (deletion_vector IS NOT NULL);
CREATE UNIQUE INDEX dl_grants_pkey ON dl_grants USING btree (resource, grantee, privilege);
CREATE UNIQUE INDEX dl_maintenance_pkey ON dl_maintenance USING btree (table_id);
CREATE UNIQUE INDEX dl_metadata_pkey ON dl_metadata USING btree (table_id, version);
CREATE UNIQUE INDEX dl_migrations_pkey ON dl_migrations USING btree (id);
CREATE INDEX dl_mirror_status_faults ON dl_mirror_status USING btree (table_id, version) WHERE (error_code IS NOT NULL);
CREATE INDEX dl_mirror_status_open ON dl_mirror_status USING btree (table_id, version) WHERE (status <> 'COMPLETE'::text);
CREATE UNIQUE INDEX dl_mirror_status_pkey ON dl_mirror_status USING btree (table_id, version);
CREATE UNIQUE INDEX dl_operator_grants_pkey ON dl_operator_grants USING btree (resource, grantee, privilege);
CREATE UNIQUE INDEX dl_other_actions_pkey ON dl_other_actions USING btree (table_id, version, ord);
CREATE UNIQUE INDEX dl_parity_pkey ON dl_parity USING btree (table_id);
CREATE UNIQUE INDEX dl_policies_pkey ON dl_policies USING btree (name);
CREATE UNIQUE INDEX dl_protocols_pkey ON dl_protocols USING btree (table_id, version);
CREATE INDEX dl_removes_path ON dl_removes USING btree (table_id, path_key, version);
CREATE UNIQUE INDEX dl_removes_pkey ON dl_removes USING btree (table_id, version, ord);
CREATE UNIQUE INDEX dl_role_members_pkey ON dl_role_members USING btree (role, member);
CREATE INDEX dl_scan_bounds_low ON dl_scan_bounds USING btree (index_id, node, low, added_version, ord);
CREATE UNIQUE INDEX dl_scan_bounds_pkey ON dl_scan_bounds USING btree (index_id, node, high, added_version, ord);
CREATE UNIQUE INDEX dl_scan_indexes_column ON dl_scan_indexes USING btree (table_id, column_id);
CREATE UNIQUE INDEX dl_scan_indexes_id ON dl_scan_indexes USING btree (index_id);
CREATE UNIQUE INDEX dl_scan_indexes_pkey ON dl_scan_indexes USING btree (table_id, index_id);
CREATE UNIQUE INDEX dl_scan_wishes_pkey ON dl_scan_wishes USING btree (table_id, column_id);
CREATE UNIQUE INDEX dl_staged_requests_pkey ON dl_staged_requests USING btree (request_id, part);
CREATE INDEX dl_table_names_name ON dl_table_names USING btree (name);
CREATE UNIQUE INDEX dl_table_names_pkey ON dl_table_names USING btree (table_id, change);
CREATE INDEX dl_table_places_location ON dl_table_places USING btree (location);
CREATE UNIQUE INDEX dl_table_places_pkey ON dl_table_places USING btree (table_id, change);
CREATE INDEX dl_tables_dropped_name ON dl_tables USING btree (name) WHERE (status = 'DELETED'::text);
CREATE INDEX dl_tables_dropped_place ON dl_tables USING btree (location) WHERE (status = 'DELETED'::text);
CREATE INDEX dl_tables_followed ON dl_tables USING btree (table_id) WHERE (followed_at IS NOT NULL);
CREATE UNIQUE INDEX dl_tables_location ON dl_tables USING btree (location) WHERE (status <> 'DELETED'::text);
CREATE INDEX dl_tables_manifest_due ON dl_tables USING btree (table_id) WHERE (manifest_changes < identity_changes);
CREATE UNIQUE INDEX dl_tables_name ON dl_tables USING btree (name) WHERE (status <> 'DELETED'::text);
CREATE INDEX dl_tables_name_in_any_case ON dl_tables USING btree (lower(name)) WHERE (status <> 'DELETED'::text);
CREATE UNIQUE INDEX dl_tables_pkey ON dl_tables USING btree (table_id);
CREATE INDEX dl_tables_quarantined ON dl_tables USING btree (table_id) WHERE (quarantine IS NOT NULL);
CREATE INDEX dl_transactions_committed ON dl_transactions USING btree (committed_at, transaction_id) WHERE (substr(request_hash, 1, 8) <> '00000000'::text);
CREATE UNIQUE INDEX dl_transactions_pkey ON dl_transactions USING btree (transaction_id);
CREATE UNIQUE INDEX dl_txns_pkey ON dl_txns USING btree (table_id, app_id, version);
CREATE INDEX dl_txns_version ON dl_txns USING btree (table_id, version);
CREATE UNIQUE INDEX dl_versions_pkey ON dl_versions USING btree (table_id, version);
CREATE INDEX dl_versions_timestamp ON dl_versions USING btree (table_id, "timestamp");

CREATE OR REPLACE FUNCTION dl_check_rows(tid uuid, head bigint, head_removed bigint, tab jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
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
        and f.removed_version = 9007199254740991 order by f.dv_key) live on true
    left join lateral (select f.removed_version v from dl_files f
      where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.dv_key = z.e->>2
        and f.removed_version > rv and f.removed_version < 9007199254740991 order by f.removed_version limit 1) former on true
    left join lateral (select max(f.added_version) v from (select added_version from dl_files
      where table_id = tid and path_key = (z.e->>1)::uuid and removed_version = 9007199254740991 order by dv_key) f) other on true
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
          where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.removed_version = 9007199254740991 order by f.dv_key) live
        where live.added_version > rv
          or ((live.path <> z.e->>0 or live.dv_key <> z.e->>2) and live.dv_key is distinct from z.e->>3)
        union all
        select z.o, z.e->>0, null, false, false, former.removed_version
        from jsonb_array_elements(tab->'adds') with ordinality z(e, o)
        cross join lateral (select case when f.added_version > rv then f.added_version else f.removed_version end removed_version from dl_files f
          where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.removed_version > rv
            and f.removed_version < 9007199254740991 order by f.removed_version limit 1) former
        where head_removed > rv
      ) c group by c.o
    ) a order by a.o limit 20) b;
  return coalesce(removes, '[]') || coalesce(adds, '[]');
end $function$


CREATE OR REPLACE FUNCTION dl_check_rows_2(tid uuid, head bigint, head_removed bigint, tab jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
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
      where f.table_id = tid and f.path_key = a.path_key and f.removed_version = 9007199254740991 order by f.dv_key limit 1) live
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
        and f.removed_version = 9007199254740991 order by f.dv_key) live on true
    -- the same file, gone since the read
    left join lateral (select f.removed_version as version from dl_files f
      where f.table_id = tid and f.path_key = r.path_key and f.dv_key = r.dv_key
        and f.removed_version > rv and f.removed_version < 9007199254740991 order by f.removed_version limit 1) former on true
    -- the same path with any deletion vector
    left join lateral (select max(f.added_version) as version from (select added_version from dl_files
      where table_id = tid and path_key = r.path_key and removed_version = 9007199254740991 order by dv_key) f) other on true
    where live.added_version is null or live.added_version > rv or live.path <> r.path
    order by r.ord limit 20) bad;

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
          where f.table_id = tid and f.path_key = a.path_key and f.removed_version = 9007199254740991 order by f.dv_key) live
        where live.added_version > rv
          or ((live.path <> a.path or live.dv_key <> a.dv_key) and live.dv_key is distinct from a.replaces)
        union all
        -- Whoever touched the path after the read, also where that file has gone again: what was refused stays refused.
        select a.ord, a.path, null, false, false, former.version
        from jsonb_to_recordset(tab->'adds') a(ord int, path text, path_key uuid)
        cross join lateral (
          select case when f.added_version > rv then f.added_version else f.removed_version end as version from dl_files f
          where f.table_id = tid and f.path_key = a.path_key and f.removed_version > rv
            and f.removed_version < 9007199254740991 order by f.removed_version limit 1) former
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
          select dv_key from dl_files where table_id = tid and path_key = a.path_key and removed_version = 9007199254740991
          order by dv_key) f) live on true
        where floor is not null and live.same_key is null
          and ((gone.version <= floor and live.any_key is null) or gone_vector.version <= floor)
      ) c group by c.ord
    ) a order by a.ord limit 20) bad;
  if fresh and adds is null then return null; end if;
  return coalesce(removes, '[]') || coalesce(adds, '[]');
end $function$


CREATE OR REPLACE FUNCTION dl_commit(request text)
 RETURNS text
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET jit TO 'off'
 SET work_mem TO '64MB'
AS $function$
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
end $function$


CREATE OR REPLACE FUNCTION dl_commit_2(request text)
 RETURNS text
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET jit TO 'off'
 SET work_mem TO '64MB'
 SET lock_timeout TO '10000'
AS $function$
declare
  req constant jsonb := request::jsonb;
  requests constant jsonb := req->'requests';
  waits constant boolean := (req->>'waits')::boolean;
  answers jsonb := '[]';
  is_free boolean := true;
  home uuid; present text;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'dl_commit_2 must run under READ COMMITTED' using errcode = '25001';
  end if;
  -- What is acknowledged is on the disk. Until the transaction ends: the commit comes after this function.
  if current_setting('synchronous_commit') = 'off' then perform set_config('synchronous_commit', 'on', true); end if;
  -- Another catalog may have come into the place of the one that the caller began with.
  select (select database_id from dl_migrations where id = 10), concat_ws('.',
    -- the server: also after it was started again, and another one for each member of a cluster
    (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint, pg_is_in_recovery(),
    -- the database, and its tables: also after they were emptied, made anew, or written anew
    (select oid from pg_database where datname = current_database()), 'dl_tables'::regclass::oid, pg_relation_filenode('dl_tables'),
    -- its rows: this one is written when a catalog is made, or put back
    (select xmin from dl_migrations where id = 10)) into home, present;
  if req ? 'database' and home is distinct from (req->>'database')::uuid then
    raise exception 'the request is for the catalog %', req->>'database' using errcode = 'DL001';
  end if;
  if waits then
    -- As dl_lock_both: all at once, in ascending order of their keys.
    perform case when k.s then pg_advisory_xact_lock_shared(k.h) else pg_advisory_xact_lock(k.h) end
    from (select hashtextextended(l.n, 0) h, bool_and(l.s) s
      from (select n, false s from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'locks') n union all
        select n, true from jsonb_array_elements(requests) r, jsonb_array_elements_text(r->'sharedLocks') n) l
      group by h order by h) k;
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
end $function$


CREATE OR REPLACE FUNCTION dl_commit_one_2(req jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  tabs constant jsonb := req->'tables';
  last constant int := jsonb_array_length(tabs) - 1;
  tx_id constant uuid := (req->>'transactionId')::uuid;
  made_at constant bigint := (req->>'madeAt')::bigint;
  first dl_transactions; t dl_tables; heads dl_tables[]; tab jsonb; tid uuid; now_ms bigint; ts bigint; given bigint; checked bigint;
  rejections jsonb := '[]'; moved jsonb := '[]'; committed jsonb := '[]'; bad jsonb; fresh boolean[]; one jsonb; told int := 0;
  place text; claim record; mirror jsonb; mirrors jsonb := '[]'; refused jsonb := '[]';
  known jsonb;
begin
  -- After the locks, or two twins would both find nothing.
  select * into first from dl_transactions where transaction_id = tx_id;
  if found then
    if first.request_hash <> req->>'requestHash' then return '{"status":"otherRequest"}'; end if;
    return jsonb_build_object('status', 'committed', 'replayed', true, 'committedAt', first.committed_at,
      'tables', first.result::jsonb);
  end if;

  if req ? 'appends' then
    select jsonb_agg(x.transaction_id) into known from jsonb_array_elements(req->'appends') a
    join dl_transactions x on x.transaction_id = (a->>'transactionId')::uuid;
    if known is not null then return jsonb_build_object('status', 'appendsKnown', 'transactionIds', known); end if;
  end if;

  now_ms := floor(extract(epoch from clock_timestamp()) * 1000);
  -- The id itself says that it is old: it may be that of a transaction that is forgotten.
  if made_at < now_ms - 518400000 then
    select max(forgotten_before) into checked from dl_tables;
    if made_at < checked then return jsonb_build_object('status', 'forgotten', 'before', checked); end if;
  end if;
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
    elsif not tab ? 'expectedVersion' and (made_at < t.forgotten_before
      or (not coalesce((req->>'dated')::boolean, false) and (tab->>'readVersion')::bigint < t.forgotten_version)) then
      rejections := rejections || jsonb_build_object('tableId', tid, 'reason', 'forgotten', 'version', t.forgotten_version);
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
    if fresh[i] and tab->'adds' <> '[]' and tab->'txns' = '[]' and tab->'domains' = '[]'
      and tab->'others' = '[]' and not (tab->>'rowIds')::boolean
      and not tab ?| '{create,metadata,protocol,highWaterMark}' then
      with files as (
        insert into dl_files (table_id, added_version, base_row_id, default_row_commit_version,
          ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3)
        select t.table_id, t.version + 1, base_row_id, default_row_commit_version,
          ord, path_key, dv_key, path, partition_values, size, modification_time, data_change, stats, tags, deletion_vector, clustering_provider, unknown, num_records, h0, h1, h2, h3
        from jsonb_populate_recordset(null::dl_files, tab->'adds') returning size, h0, h1, h2, h3),
      sums as (select count(*) n, coalesce(sum(size), 0)::bigint size, coalesce(sum(h0), 0)::bigint h0, coalesce(sum(h1), 0)::bigint h1, coalesce(sum(h2), 0)::bigint h2, coalesce(sum(h3), 0)::bigint h3 from files),
      head as (
        update dl_tables d set version = t.version + 1, timestamp = ts, num_files = d.num_files + sums.n,
          size_in_bytes = d.size_in_bytes + sums.size, add_version = t.version + 1,
          non_blind_add_version = case when (tab->>'isBlindAppend')::boolean then d.non_blind_add_version else t.version + 1 end,
          fingerprint_0 = (d.fingerprint_0 + sums.h0) & 4294967295, fingerprint_1 = (d.fingerprint_1 + sums.h1) & 4294967295, fingerprint_2 = (d.fingerprint_2 + sums.h2) & 4294967295, fingerprint_3 = (d.fingerprint_3 + sums.h3) & 4294967295
        from sums where d.table_id = t.table_id returning sums.n, d.num_files, d.size_in_bytes, d.fingerprint_0, d.fingerprint_1, d.fingerprint_2, d.fingerprint_3),
      unpublished as (
        insert into dl_mirror_status (table_id, version, status, committed_at)
        values (t.table_id, t.version + 1, 'IN_FLIGHT', now_ms))
      insert into dl_versions (table_id, version, transaction_id, timestamp, in_commit_timestamp, is_blind_append, num_adds,
        num_removes, num_files, size_in_bytes, fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, commit_info)
      select t.table_id, t.version + 1, tx_id, ts, case when (tab->>'inCommitTimestamps')::boolean then ts end,
        (tab->>'isBlindAppend')::boolean, n, 0, num_files, size_in_bytes, fingerprint_0, fingerprint_1, fingerprint_2, fingerprint_3, tab->>'commitInfo' from head;
      committed := committed || jsonb_build_object('tableId', t.table_id, 'version', t.version + 1, 'timestamp', ts);
      continue;
    end if;
    t := dl_write_version_2(t, jsonb_build_object('version', t.version + 1, 'timestamp', ts,
      'inCommitTimestamp', case when (tab->>'inCommitTimestamps')::boolean then ts end, 'transactionId', tx_id,
      'importing', false, 'complete', true, 'isCheckpoint', false, 'fresh', fresh[i]), tab);
    insert into dl_mirror_status (table_id, version, status, committed_at) values (t.table_id, t.version, 'IN_FLIGHT', now_ms);
    committed := committed || jsonb_build_object('tableId', t.table_id, 'version', t.version, 'timestamp', ts);
  end loop;
  insert into dl_transactions (transaction_id, request_hash, committed_at, result)
  values (tx_id, req->>'requestHash', ts, committed::text);
  if req ? 'appends' then
    insert into dl_transactions (transaction_id, request_hash, committed_at, result)
    select (a->>'transactionId')::uuid, a->>'requestHash', ts,
      jsonb_build_array((committed->0) || jsonb_build_object('adds', a->'adds'))::text
    from jsonb_array_elements(req->'appends') a;
    perform dl_note_effect(a->>'attempt', (a->>'transactionId')::uuid, committed)
    from jsonb_array_elements(req->'appends') a where a ? 'attempt';
  end if;
  if req ? 'attempt' then perform dl_note_effect(req->>'attempt', tx_id, committed); end if;
  return jsonb_build_object('status', 'committed', 'replayed', false, 'committedAt', ts, 'tables', committed,
    'mirrors', mirrors, 'now', now_ms);
end $function$


CREATE OR REPLACE FUNCTION dl_import_batch(request text)
 RETURNS text
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET jit TO 'off'
 SET work_mem TO '64MB'
AS $function$
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
end $function$


CREATE OR REPLACE FUNCTION dl_import_batch_2(request text)
 RETURNS text
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET jit TO 'off'
 SET work_mem TO '64MB'
 SET lock_timeout TO '10000'
AS $function$
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
end $function$


CREATE OR REPLACE FUNCTION dl_lock(names text[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare k bigint;
begin
  for k in select distinct hashtextextended(n, 0) h from unnest(names) n order by h loop
    perform pg_advisory_xact_lock(k);
  end loop;
end $function$


CREATE OR REPLACE FUNCTION dl_lock_both(exclusive text[], shared text[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare k record;
begin
  for k in select hashtextextended(n, 0) h, bool_and(s) s
    from (select unnest(exclusive) n, false s union all select unnest(shared), true) l group by h order by h
  loop
    if k.s then perform pg_advisory_xact_lock_shared(k.h); else perform pg_advisory_xact_lock(k.h); end if;
  end loop;
end $function$


CREATE OR REPLACE FUNCTION dl_mirror_facts(tid uuid, rules jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
declare
  facts jsonb;
  stops constant jsonb := rules->'stops';
begin
  select jsonb_strip_nulls(to_jsonb(row)) into facts from (
    select h.table_id, h.name, h.version, h.quarantine, o.version as open_version, o.status as open_status,
      o.committed_at, o.attempts, o.last_error, o.error_code, o.tried_at, f.error_code as fault_code,
      f.last_error as fault, p.version as parity_version, p.checked_at, p.outcome, p.drift from dl_tables h
      left join dl_mirror_status o on o.table_id = h.table_id and o.version = (
        select min(m.version) from dl_mirror_status m where m.table_id = h.table_id and m.status <> 'COMPLETE')
      left join dl_mirror_status f on f.table_id = h.table_id and f.version = coalesce(o.version - 1, h.version)
        and f.status = 'COMPLETE' and f.error_code is not null
      left join dl_parity p on p.table_id = h.table_id where h.table_id = tid) row;
  if stops is not null and ((stops->>'quarantine')::boolean and facts ? 'quarantine' or stops->'codes' ? (facts->>'error_code')
    or stops->'codes' ? (facts->>'fault_code')
    or exists (select 1 from jsonb_object_keys((facts->>'drift')::jsonb) kind where stops->'drift' ? kind)) then
    return facts || '{"refusal":"mirrorStopped"}';
  end if;
  if (facts->>'version')::bigint - (facts->>'open_version')::bigint + 1 >= (rules->>'maxUnpublished')::bigint then
    return facts || '{"refusal":"backlogFull"}';
  end if;
  return facts;
end $function$


CREATE OR REPLACE FUNCTION dl_note_effect(attempt text, tx_id uuid, committed jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  chain constant text := 'table:' || (committed->0->>'tableId');
  fact constant jsonb := attempt::jsonb;
  effect constant text := '{"transactionId":"' || tx_id || '","tables":[' || (
    select string_agg('{"tableId":"' || (c->>'tableId') || '","version":' || (c->>'version') || '}', ',' order by n)
    from jsonb_array_elements(committed) with ordinality e(c, n)) || ']}';
  place bigint; before text;
begin
  select a.seq, a.hash into place, before from dl_audit a where a.shard = chain and a.seq < 9007199254740991
  order by a.seq desc limit 1;
  place := coalesce(place, 0) + 1;
  before := coalesce(before, encode(sha256(convert_to('deltalakedb audit ' || chain, 'UTF8')), 'hex'));
  insert into dl_audit (shard, seq, at, request_id, who, session, client, operation, tables, decision, outcome, because,
    effect, previous, hash)
  values (chain, place, (fact->>0)::bigint, fact->>1, fact->>2, fact->>3, fact->>4, fact->>5, fact->>6, fact->>7, fact->>8,
    fact->>9, effect, before, encode(sha256(convert_to('["' || chain || '",' || place || ','
      || substr(attempt, 2, length(attempt) - 2) || ',"' || replace(effect, '"', chr(92) || '"') || '","' || before || '"]', 'UTF8')), 'hex'))
  on conflict (shard, seq) do nothing;
end $function$


CREATE OR REPLACE FUNCTION dl_write_version(t dl_tables, at jsonb, tab jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
      and f.removed_version = 9007199254740991 order by f.dv_key) live;
  select array_agg(live.ctid) into replaced from jsonb_array_elements(tab->'adds') z(e)
  cross join lateral (select f.ctid from dl_files f
    where f.table_id = tid and f.path_key = (z.e->>1)::uuid and f.dv_key >= z.e->>2 and f.dv_key <= z.e->>2
      and f.removed_version = 9007199254740991 order by f.dv_key) live;
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
        and removed_version >= v and removed_version < 9007199254740991 order by removed_version limit 4) p
    where p.dv_key = z.e->>2 limit 1) gone on true;

  with z as (
    select j.e, j.o, former.base_row_id former_id, former.default_row_commit_version former_version
    from jsonb_array_elements(tab->'adds') with ordinality j(e, o)
    left join lateral (
      select p.* from (select dv_key, base_row_id, default_row_commit_version from dl_files
        where row_ids and closed.n > 0 and table_id = tid and path_key = (j.e->>1)::uuid
          and removed_version >= v and removed_version < 9007199254740991 order by removed_version limit 4) p
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
end $function$


CREATE OR REPLACE FUNCTION dl_write_version_2(t dl_tables, at jsonb, tab jsonb)
 RETURNS dl_tables
 LANGUAGE plpgsql
AS $function$
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
end $function$

