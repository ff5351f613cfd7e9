/**
 * On MySQL and MariaDB: what is unpublished by an index that has it alone, as the condition of an index is elsewhere. The status is no
 * equality, so an index on it was read from its first version to the last, for each table. And tables whose mirror stands still, or that
 * others write, by indexes of which nearly all is NULL.
 */

export const MYSQL_UNPUBLISHED: readonly string[] = [
  "alter table dl_mirror_status add column is_unpublished tinyint generated always as (case when status <> 'COMPLETE' then 1 end) virtual",
  "create index dl_mirror_status_unpublished on dl_mirror_status (is_unpublished, table_id, version) comment 'What is unpublished.'",
  "create index dl_tables_quarantined on dl_tables (quarantine(16)) comment 'Tables whose mirror has stopped.'",
  "create index dl_tables_followed on dl_tables (followed_at) comment 'Tables that others write.'",
];
