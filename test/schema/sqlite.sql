CREATE TABLE dl_access ( -- Whether grants are held against requests. One row; none: they are not, and there has been no change.
  name TEXT not null, -- access.
  mode TEXT not null, -- open, or enforced.
  version INTEGER not null, -- Grows with each change of grants, roles, policies and this row.
  changed_at INTEGER not null, -- When that was, in milliseconds.
  primary key (name)
) strict;

CREATE TABLE dl_api_keys ( -- API keys of dl serve. Only hashes: a key is shown once, when it is made. Not for the login that may only read.
  key_id TEXT not null, -- 16 hex digits: the part of a key that is no secret.
  name TEXT not null, -- Of the user as whom the holder acts: user:NAME.
  hash TEXT not null, -- SHA-256 (hex) of the whole key, which has 256 random bits.
  access TEXT not null, -- read, or write, which is both.
  created_at INTEGER not null, -- When it was made, in milliseconds.
  expires_at INTEGER, -- From when on it is refused; NULL: never.
  revoked_at INTEGER, -- When it was revoked; NULL: it was not.
  last_used_at INTEGER, kind TEXT, -- Its last use, up to some minutes late; NULL: none.
  primary key (key_id)
) strict;

CREATE TABLE dl_audit ( -- Who tried what, what was decided, and what came of it. Rows are added and never changed; each has the hash of the one before.
  shard TEXT not null, -- The process that wrote it, from its start to its end: a chain of its own.
  seq INTEGER not null, -- Place in the chain, from 1 without a gap.
  at INTEGER not null, -- When, in milliseconds.
  request_id TEXT not null, -- Also in the answer, and in the log.
  who TEXT not null, -- user:NAME; empty where nobody was named.
  session TEXT not null, -- Which of their keys, tokens or sessions; empty for none.
  client TEXT not null, -- The address that it came from; empty where that is not known.
  operation TEXT not null, -- Operation of the API.
  tables TEXT not null, -- As the request named them: a JSON list.
  decision TEXT not null, -- allowed, denied, or failed.
  outcome TEXT not null, -- Status of the answer.
  because TEXT not null, -- Grants and policies that decided, or what was lacking.
  effect TEXT not null, -- What it has changed, as JSON; empty for nothing.
  previous TEXT not null, -- Hash of the row before.
  hash TEXT not null, -- SHA-256 (hex) of all of the above.
  primary key (shard, seq)
) strict;

CREATE INDEX dl_audit_at on dl_audit (at);

CREATE TABLE dl_domains ( -- domainMetadata actions. The one of a domain is the newest; none when that has removed = true.
  table_id TEXT not null, -- Table, as in dl_tables.
  domain TEXT not null, -- Name of the domain.
  version INTEGER not null, -- Version of the table whose commit holds this action.
  ord INTEGER not null, -- Place within the commit, from 0.
  configuration TEXT not null, -- Configuration of the domain.
  removed INTEGER not null, -- True when the action takes the domain away.
  unknown TEXT, -- Fields that the protocol does not name, as a JSON object.
  primary key (table_id, domain, version)
) strict, without rowid;

CREATE INDEX dl_domains_version on dl_domains (table_id, version);

CREATE TABLE dl_files ( -- Files: one row per add action. A file is live at version v when added_version <= v < removed_version.
  table_id TEXT not null, -- Table, as in dl_tables.
  added_version INTEGER not null, -- Version that added the file.
  ord INTEGER not null, -- Place among the add actions of that version, from 0.
  removed_version INTEGER not null default 9007199254740991, -- Version that removed or replaced it; 9007199254740991 while it is live.
  path TEXT not null, -- Path exactly as in the action: percent-encoded, relative to the table or absolute.
  path_key BLOB not null, -- First 16 bytes of the SHA-256 of the canonical path: all spellings of a path share it.
  dv_key TEXT not null, -- Short hash of the deletion vector's id; empty without one. A file is (path, deletion vector).
  partition_values TEXT not null, -- Partition values as a JSON object of strings and nulls.
  size INTEGER not null, -- Size of the file in bytes.
  modification_time INTEGER not null, -- Milliseconds since the epoch.
  data_change INTEGER not null, -- False when the action only moved rows that were there.
  stats TEXT, -- Statistics: JSON text exactly as it came.
  num_records INTEGER, -- numRecords of the statistics: physical rows of the file.
  tags TEXT, -- Tags as a JSON object.
  deletion_vector TEXT, -- Deletion vector descriptor as a JSON object.
  base_row_id INTEGER, -- Row id of the first row, with row tracking.
  default_row_commit_version INTEGER, -- Version that first held the rows, with row tracking.
  clustering_provider TEXT, -- Name of the clustering implementation.
  unknown TEXT, -- Fields that the protocol does not name, as a JSON object.
  h0 INTEGER not null, -- Lane 0 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.
  h1 INTEGER not null, -- Lane 1 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.
  h2 INTEGER not null, -- Lane 2 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.
  h3 INTEGER not null, -- Lane 3 (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.
  primary key (table_id, added_version, ord)
) strict, without rowid;

CREATE INDEX dl_files_former on dl_files (table_id, path_key, removed_version) where removed_version < 9007199254740991;

CREATE UNIQUE INDEX dl_files_live on dl_files (table_id, path_key, dv_key) where removed_version = 9007199254740991;

CREATE INDEX dl_files_outside on dl_files (path_key) where path like '/%' or path like '%:/%';

CREATE INDEX dl_files_shared_vectors on dl_files (table_id, added_version, ord) where substr(deletion_vector, 1, 18) = '{"storageType":"p"';

CREATE INDEX dl_files_vectors on dl_files (table_id, substr(deletion_vector, 1, 57)) where deletion_vector is not null;

CREATE TABLE dl_grants ( -- Privileges that have been granted.
  resource TEXT not null, -- catalog, namespace:NAME or table:UUID.
  grantee TEXT not null, -- user:NAME, group:NAME or role:NAME.
  privilege TEXT not null, -- Such as SELECT; ALL; or OWN, of the owner of a table.
  made_by TEXT not null, -- Who made it.
  made_at INTEGER not null, -- When, in milliseconds.
  primary key (resource, grantee, privilege)
) strict;

CREATE TABLE dl_maintenance ( -- Upkeep of the tables: what each one wants done, and how far that has come. No row: the defaults, and nothing yet.
  table_id TEXT not null, -- Table, as in dl_tables.
  vacuum INTEGER, -- Whether the schedule vacuums it; NULL: as the service says.
  clean_log INTEGER, -- Whether the schedule cleans its log; NULL: as the service says.
  trim_history INTEGER, -- Whether the schedule trims its history in SQL; NULL: as the service says.
  history_retention INTEGER, -- How long SQL keeps its versions, in milliseconds; NULL: as the service says.
  vacuum_floor INTEGER, -- Files that only versions below this one have may be gone, and no commit may add them again; NULL: vacuum has removed none.
  vacuumed_version INTEGER, -- Files removed up to this version have been dealt with; NULL: none.
  vacuum_at INTEGER, -- When vacuum last ended, in milliseconds.
  condemned_at INTEGER, -- When vacuum_floor was last raised, in milliseconds.
  clean_log_at INTEGER, -- When the log was last cleaned, in milliseconds.
  trim_history_at INTEGER, -- When the history was last trimmed, in milliseconds.
  last_error TEXT, compact INTEGER, compact_at INTEGER, -- Why the schedule last failed; NULL when it did not.
  primary key (table_id)
) strict;

CREATE TABLE dl_metadata ( -- metaData actions. The one of a version is the newest at or below it.
  table_id TEXT not null, -- Table, as in dl_tables.
  version INTEGER not null, -- Version of the table whose commit holds this action.
  action TEXT not null, -- The metaData action as a JSON object.
  primary key (table_id, version)
) strict, without rowid;

CREATE TABLE dl_migrations ( -- Migrations of this schema that have run.
  id INTEGER not null, -- Number of the migration.
  name TEXT not null, -- Its name.
  applied_at INTEGER not null, database_id TEXT, works_from INTEGER, -- When it ran, in milliseconds.
  primary key (id)
) strict;

CREATE TABLE dl_mirror_status ( -- Outbox of the mirror: which versions stand in _delta_log.
  table_id TEXT not null, -- Table, as in dl_tables.
  version INTEGER not null, -- Version to publish.
  status TEXT not null, -- IN_FLIGHT, COMPLETE (published) or FAILED.
  attempts INTEGER not null default 0, -- How often publishing failed or had to be repeated.
  last_error TEXT, -- Message of the last failure.
  committed_at INTEGER not null, -- When the version was committed, by the clock of the database, in milliseconds.
  tried_at INTEGER, -- When publishing last failed, in milliseconds.
  published_at INTEGER, error_code TEXT, -- When it was published, in milliseconds.
  primary key (table_id, version)
) strict;

CREATE INDEX dl_mirror_status_faults on dl_mirror_status (table_id, version) where error_code is not null;

CREATE INDEX dl_mirror_status_open on dl_mirror_status (table_id, version) where status <> 'COMPLETE';

CREATE TABLE dl_operator_grants ( -- Privileges of operators that have been granted, each by itself.
  resource TEXT not null, -- catalog, namespace:NAME or table:UUID.
  grantee TEXT not null, -- user:NAME, group:NAME or role:NAME.
  privilege TEXT not null, -- Such as VACUUM.
  made_by TEXT not null, -- Who made it.
  made_at INTEGER not null, -- When, in milliseconds.
  primary key (resource, grantee, privilege)
) strict;

CREATE TABLE dl_other_actions ( -- Actions that change no table state: cdc, and actions that this release does not know.
  table_id TEXT not null, -- Table, as in dl_tables.
  version INTEGER not null, -- Version of the table whose commit holds this action.
  ord INTEGER not null, -- Place within the commit, from 0.
  action TEXT not null, -- The whole action object as JSON.
  primary key (table_id, version, ord)
) strict, without rowid;

CREATE TABLE dl_parity ( -- Parity checks: the last one of each table.
  table_id TEXT not null, -- Table, as in dl_tables.
  outcome TEXT not null, -- ok, drift or lag.
  version INTEGER not null, -- Version up to which SQL and log were compared; -1 for none.
  log_digest TEXT not null, -- SHA-256 (hex) of the names, sizes and times of the log's files up to that version.
  checked_at INTEGER not null, -- When it was checked, in milliseconds.
  compared_at INTEGER not null, -- When everything was last compared, field by field, in milliseconds; later checks went on from there.
  report TEXT, drift TEXT, -- The differences as JSON; NULL when there were none.
  primary key (table_id)
) strict;

CREATE TABLE dl_policies ( -- Policies beside the grants, in Cedar.
  name TEXT not null, -- Its name.
  text TEXT not null, -- One policy in Cedar's language.
  made_by TEXT not null, -- Who made it.
  made_at INTEGER not null, -- When, in milliseconds.
  primary key (name)
) strict;

CREATE TABLE dl_protocols ( -- protocol actions. The one of a version is the newest at or below it.
  table_id TEXT not null, -- Table, as in dl_tables.
  version INTEGER not null, -- Version of the table whose commit holds this action.
  action TEXT not null, -- The protocol action as a JSON object.
  primary key (table_id, version)
) strict, without rowid;

CREATE TABLE dl_removes ( -- Remove actions: for the mirror, and as tombstones of checkpoints.
  table_id TEXT not null, -- Table, as in dl_tables.
  version INTEGER not null, -- Version of the table whose commit holds this action.
  ord INTEGER not null, -- Place among the remove actions of that version, from 0.
  path TEXT not null, -- Path exactly as in the action: percent-encoded, relative to the table or absolute.
  path_key BLOB not null, -- First 16 bytes of the SHA-256 of the canonical path: all spellings of a path share it.
  dv_key TEXT not null, -- Short hash of the deletion vector's id; empty without one. A file is (path, deletion vector).
  deletion_timestamp INTEGER, -- Milliseconds since the epoch; NULL counts as 0: expired.
  data_change INTEGER not null, -- False when the action only moved rows that were there.
  action TEXT not null, -- All other fields of the action as a JSON object.
  primary key (table_id, version, ord)
) strict, without rowid;

CREATE INDEX dl_removes_path on dl_removes (table_id, path_key, version);

CREATE TABLE dl_role_members ( -- Who is in which role. A role may be in other roles, but never in itself.
  role TEXT not null, -- Its name.
  member TEXT not null, -- user:NAME, group:NAME or role:NAME.
  made_by TEXT not null, -- Who made it.
  made_at INTEGER not null, -- When, in milliseconds.
  primary key (role, member)
) strict;

CREATE TABLE dl_scan_bounds ( -- Intervals of keys: all values but null that a file may have in a column. A file without such values has no row.
  index_id INTEGER not null, -- As in dl_scan_indexes; without a row there, these are nobody's.
  node INTEGER not null, -- Of the keys of the interval the one that ends with most zero bits.
  high INTEGER not null, -- The greatest key.
  added_version INTEGER not null, -- The file, as in dl_files.
  ord INTEGER not null, -- See added_version.
  low INTEGER not null, -- The least key.
  primary key (index_id, node, high, added_version, ord)
) strict, without rowid;

CREATE INDEX dl_scan_bounds_low on dl_scan_bounds (index_id, node, low, added_version, ord);

CREATE TABLE dl_scan_indexes ( -- Columns by which scans find files, and how far each index has come. What is beyond is looked at file by file.
  table_id TEXT not null, -- Table, as in dl_tables.
  index_id INTEGER not null, -- Names the rows of dl_scan_bounds; never given twice.
  column_id TEXT not null, -- The column: ["partition", key] or ["data", name, …], with physical names.
  key_form TEXT not null, -- How its values become keys: number, date, time, or text: and their common prefix.
  from_version INTEGER not null, -- Files that are live at no version from this one on are not in the index.
  to_version INTEGER not null, -- Files up to this added_version and to_ord are in the index; -1 for none.
  to_ord INTEGER not null, -- See to_version.
  num_rows INTEGER not null, -- Rows of dl_scan_bounds.
  created_at INTEGER not null, -- When it was begun, in milliseconds.
  primary key (table_id, index_id)
) strict;

CREATE UNIQUE INDEX dl_scan_indexes_column on dl_scan_indexes (table_id, column_id);

CREATE UNIQUE INDEX dl_scan_indexes_id on dl_scan_indexes (index_id);

CREATE TABLE dl_scan_wishes ( -- Columns by which scans would find files faster. Whoever makes indexes takes the rows away.
  table_id TEXT not null, -- Table, as in dl_tables.
  column_id TEXT not null, -- As in dl_scan_indexes.
  wished_at INTEGER not null, -- When a scan first asked for it, in milliseconds.
  primary key (table_id, column_id)
) strict;

CREATE TABLE dl_table_names ( -- Former names of tables; the present one is in dl_tables.
  table_id TEXT not null, -- Table, as in dl_tables.
  change INTEGER not null, -- The identity_changes by which the table lost the name.
  name TEXT not null, -- The former name, as namespace.name.
  valid_from INTEGER not null, -- Since when the table had it, in milliseconds.
  valid_until INTEGER not null, -- When it got another one, in milliseconds.
  primary key (table_id, change)
) strict;

CREATE INDEX dl_table_names_name on dl_table_names (name);

CREATE TABLE dl_table_places ( -- Former places of tables; the present one is in dl_tables.
  table_id TEXT not null, -- Table, as in dl_tables.
  change INTEGER not null, -- The identity_changes by which the table left the place.
  location TEXT not null, -- The former root, as in dl_tables.
  valid_from INTEGER not null, -- Since when the table was there, in milliseconds.
  valid_until INTEGER not null, -- When it moved, in milliseconds.
  primary key (table_id, change)
) strict;

CREATE INDEX dl_table_places_location on dl_table_places (location);

CREATE TABLE dl_tables ( -- Heads of the tables: one row each, changed by every commit.
  table_id TEXT not null, -- Identity of the table; never reused.
  name TEXT not null, -- Name as namespace.name; unique among tables that are not DELETED.
  location TEXT not null, -- Root of the table (file:///… or s3://…), without a slash at the end; unique like the name.
  status TEXT not null, -- ACTIVE, IMPORTING or DELETED. Only ACTIVE tables can be read and written.
  version INTEGER not null default -1, -- Newest version; -1 until the first commit or the end of an import.
  base_version INTEGER not null default 0, -- Oldest version that these tables can rebuild.
  timestamp INTEGER not null default 0, -- Timestamp of the newest version, in milliseconds.
  num_files INTEGER not null default 0, -- Number of live files.
  size_in_bytes INTEGER not null default 0, -- Sum of the sizes of live files.
  metadata_version INTEGER not null default -1, -- Last version with a metaData action; -1 for never.
  protocol_version INTEGER not null default -1, -- Last version with a protocol action; -1 for never.
  add_version INTEGER not null default -1, -- Last version with an add action; -1 for never.
  non_blind_add_version INTEGER not null default -1, -- Last version with an add action whose writer had read the table; -1 for never.
  remove_version INTEGER not null default -1, -- Last version that removed or replaced a file; -1 for never.
  txn_version INTEGER not null default -1, -- Last version with a txn action; -1 for never.
  domain_version INTEGER not null default -1, -- Last version with a domainMetadata action other than delta.rowTracking; -1 for never.
  row_id_high_water_mark INTEGER not null default -1, -- Highest row id that was given out; -1 for none.
  fingerprint_0 INTEGER not null default 0, -- Lane 0 of the fingerprint of the newest version: sum of h0 of all live files, modulo 2^32.
  fingerprint_1 INTEGER not null default 0, -- Lane 1 of the fingerprint of the newest version: sum of h1 of all live files, modulo 2^32.
  fingerprint_2 INTEGER not null default 0, -- Lane 2 of the fingerprint of the newest version: sum of h2 of all live files, modulo 2^32.
  fingerprint_3 INTEGER not null default 0, -- Lane 3 of the fingerprint of the newest version: sum of h3 of all live files, modulo 2^32.
  quarantine TEXT, -- Why the mirror has stopped at a foreign commit; NULL when it has not.
  import_plan TEXT, -- What the running import was started with; NULL when none runs.
  import_version INTEGER not null default -1, -- Last version that the import applied whole; -1 for none.
  import_actions INTEGER not null default 0, -- File actions of the starting checkpoint that the import applied.
  created_at INTEGER not null, -- When the row was made, in milliseconds.
  dropped_at INTEGER, identity_changes INTEGER not null default 0, manifest_changes INTEGER not null default -1, purged_at INTEGER, forgotten_version INTEGER not null default -1, forgotten_before INTEGER not null default 0, rows_since INTEGER not null default 0, followed_at INTEGER, followed_version INTEGER, follow_error TEXT, -- When the table was dropped, in milliseconds.
  primary key (table_id)
) strict;

CREATE INDEX dl_tables_dropped_name on dl_tables (name) where status = 'DELETED';

CREATE INDEX dl_tables_dropped_place on dl_tables (location) where status = 'DELETED';

CREATE INDEX dl_tables_followed on dl_tables (table_id) where followed_at is not null;

CREATE UNIQUE INDEX dl_tables_location on dl_tables (location) where status <> 'DELETED';

CREATE INDEX dl_tables_manifest_due on dl_tables (table_id) where manifest_changes < identity_changes;

CREATE UNIQUE INDEX dl_tables_name on dl_tables (name) where status <> 'DELETED';

CREATE INDEX dl_tables_name_in_any_case on dl_tables (lower(name)) where status <> 'DELETED';

CREATE INDEX dl_tables_quarantined on dl_tables (table_id) where quarantine is not null;

CREATE TABLE dl_transactions ( -- Transactions: a commit of one or more tables; the idempotency keys.
  transaction_id TEXT not null, -- Made by the client; the same id is answered with the same result, for ever.
  request_hash TEXT not null, -- SHA-256 (hex) of the canonical request.
  committed_at INTEGER not null, -- Timestamp of all its versions, in milliseconds.
  result TEXT not null, -- The answer, as JSON: [{tableId, version, timestamp}, …].
  primary key (transaction_id)
) strict;

CREATE INDEX dl_transactions_committed on dl_transactions (committed_at, transaction_id) where substr(request_hash, 1, 8) <> '00000000';

CREATE TABLE dl_txns ( -- txn actions: versions of applications. The one of an application is the newest.
  table_id TEXT not null, -- Table, as in dl_tables.
  app_id TEXT not null, -- Id of the application.
  version INTEGER not null, -- Version of the table whose commit holds this action.
  ord INTEGER not null, -- Place within the commit, from 0.
  txn_version INTEGER not null, -- The application's own version.
  last_updated INTEGER, -- Milliseconds since the epoch, as the writer gave it.
  unknown TEXT, -- Fields that the protocol does not name, as a JSON object.
  primary key (table_id, app_id, version)
) strict, without rowid;

CREATE INDEX dl_txns_version on dl_txns (table_id, version);

CREATE TABLE dl_versions ( -- Versions of the tables: one row per commit.
  table_id TEXT not null, -- Table, as in dl_tables.
  version INTEGER not null, -- Version of the table; without gaps.
  transaction_id TEXT, -- Transaction that wrote it; NULL for imported versions.
  timestamp INTEGER not null, -- Timestamp for time travel, in milliseconds; grows strictly within a table.
  in_commit_timestamp INTEGER, -- In-commit timestamp, where the table has them; equal to timestamp.
  is_blind_append INTEGER not null, -- True when the commit only added files and its writer had read nothing.
  num_adds INTEGER not null, -- Number of add actions; for the checkpoint that an import started with, its files.
  num_removes INTEGER not null, -- Number of remove actions.
  num_files INTEGER not null, -- Number of live files at this version.
  size_in_bytes INTEGER not null, -- Sum of the sizes of live files at this version.
  fingerprint_0 INTEGER not null default 0, -- Lane 0 of the fingerprint of this version: sum of h0 of all live files, modulo 2^32.
  fingerprint_1 INTEGER not null default 0, -- Lane 1 of the fingerprint of this version: sum of h1 of all live files, modulo 2^32.
  fingerprint_2 INTEGER not null default 0, -- Lane 2 of the fingerprint of this version: sum of h2 of all live files, modulo 2^32.
  fingerprint_3 INTEGER not null default 0, -- Lane 3 of the fingerprint of this version: sum of h3 of all live files, modulo 2^32.
  commit_info TEXT, -- The commitInfo action as JSON, without in-commit timestamp.
  primary key (table_id, version)
) strict, without rowid;

CREATE INDEX dl_versions_timestamp on dl_versions (table_id, timestamp);
