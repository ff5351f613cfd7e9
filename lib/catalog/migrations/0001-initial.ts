/** The first schema. Released migrations are never edited: a change is a new migration. */

import type { ColumnSpec, TableSpec } from "./ddl.ts";

const OPEN = "9007199254740991";
const tableId: ColumnSpec = { name: "table_id", type: "uuid", comment: "Table, as in dl_tables." };
const version: ColumnSpec = {
  name: "version",
  type: "int64",
  comment: "Version of the table whose commit holds this action.",
};
const ord: ColumnSpec = { name: "ord", type: "int32", comment: "Place within the commit, from 0." };
const unknown: ColumnSpec = {
  name: "unknown",
  type: "text",
  optional: true,
  comment: "Fields that the protocol does not name, as a JSON object.",
};
const path: ColumnSpec = {
  name: "path",
  type: "name",
  comment: "Path exactly as in the action: percent-encoded, relative to the table or absolute.",
};
const pathKey: ColumnSpec = {
  name: "path_key",
  type: "key",
  comment: "First 16 bytes of the SHA-256 of the canonical path: all spellings of a path share it.",
};
const dvKey: ColumnSpec = {
  name: "dv_key",
  type: "name",
  comment: "Short hash of the deletion vector's id; empty without one. A file is (path, deletion vector).",
};
const marker = (name: string, what: string): ColumnSpec => ({
  name: `${name}_version`,
  type: "int64",
  default: "-1",
  comment: `Last version ${what}; -1 for never.`,
});
const fingerprint = (what: string): ColumnSpec[] =>
  [0, 1, 2, 3].map((lane) => ({
    name: `fingerprint_${lane}`,
    type: "int64",
    default: "0",
    comment: `Lane ${lane} of the fingerprint of ${what}: sum of h${lane} of all live files, modulo 2^32.`,
  }));

const tables: TableSpec = {
  name: "dl_tables",
  comment: "Heads of the tables: one row each, changed by every commit.",
  backup: "heads",
  columns: [
    { name: "table_id", type: "uuid", comment: "Identity of the table; never reused." },
    { name: "name", type: "name", comment: "Name as namespace.name; unique among tables that are not DELETED." },
    {
      name: "location",
      type: "name",
      comment: "Root of the table (file:///… or s3://…), without a slash at the end; unique like the name.",
    },
    {
      name: "status",
      type: "text",
      comment: "ACTIVE, IMPORTING or DELETED. Only ACTIVE tables can be read and written.",
    },
    {
      name: "version",
      type: "int64",
      default: "-1",
      comment: "Newest version; -1 until the first commit or the end of an import.",
    },
    { name: "base_version", type: "int64", default: "0", comment: "Oldest version that these tables can rebuild." },
    { name: "timestamp", type: "int64", default: "0", comment: "Timestamp of the newest version, in milliseconds." },
    { name: "num_files", type: "int64", default: "0", comment: "Number of live files." },
    { name: "size_in_bytes", type: "int64", default: "0", comment: "Sum of the sizes of live files." },
    marker("metadata", "with a metaData action"),
    marker("protocol", "with a protocol action"),
    marker("add", "with an add action"),
    marker("non_blind_add", "with an add action whose writer had read the table"),
    marker("remove", "that removed or replaced a file"),
    marker("txn", "with a txn action"),
    marker("domain", "with a domainMetadata action other than delta.rowTracking"),
    {
      name: "row_id_high_water_mark",
      type: "int64",
      default: "-1",
      comment: "Highest row id that was given out; -1 for none.",
    },
    ...fingerprint("the newest version"),
    {
      name: "quarantine",
      type: "text",
      optional: true,
      comment: "Why the mirror has stopped at a foreign commit; NULL when it has not.",
    },
    {
      name: "import_plan",
      type: "text",
      optional: true,
      comment: "What the running import was started with; NULL when none runs.",
    },
    {
      name: "import_version",
      type: "int64",
      default: "-1",
      comment: "Last version that the import applied whole; -1 for none.",
    },
    {
      name: "import_actions",
      type: "int64",
      default: "0",
      comment: "File actions of the starting checkpoint that the import applied.",
    },
    { name: "created_at", type: "int64", comment: "When the row was made, in milliseconds." },
    { name: "dropped_at", type: "int64", optional: true, comment: "When the table was dropped, in milliseconds." },
  ],
  primaryKey: ["table_id"],
  indexes: [
    {
      name: "dl_tables_name",
      columns: ["name"],
      unique: true,
      where: "status <> 'DELETED'",
      comment: "One table per name.",
    },
    {
      name: "dl_tables_location",
      columns: ["location"],
      unique: true,
      where: "status <> 'DELETED'",
      comment: "One table per location.",
    },
  ],
  updatedInPlace: true,
};

const transactions: TableSpec = {
  name: "dl_transactions",
  comment: "Transactions: a commit of one or more tables; the idempotency keys.",
  backup: "transactions",
  columns: [
    {
      name: "transaction_id",
      type: "uuid",
      comment: "Made by the client; the same id is answered with the same result, for ever.",
    },
    { name: "request_hash", type: "text", comment: "SHA-256 (hex) of the canonical request." },
    { name: "committed_at", type: "int64", comment: "Timestamp of all its versions, in milliseconds." },
    { name: "result", type: "text", comment: "The answer, as JSON: [{tableId, version, timestamp}, …]." },
  ],
  primaryKey: ["transaction_id"],
};

const versions: TableSpec = {
  name: "dl_versions",
  comment: "Versions of the tables: one row per commit.",
  backup: "versions",
  columns: [
    tableId,
    { name: "version", type: "int64", comment: "Version of the table; without gaps." },
    {
      name: "transaction_id",
      type: "uuid",
      optional: true,
      comment: "Transaction that wrote it; NULL for imported versions.",
    },
    {
      name: "timestamp",
      type: "int64",
      comment: "Timestamp for time travel, in milliseconds; grows strictly within a table.",
    },
    {
      name: "in_commit_timestamp",
      type: "int64",
      optional: true,
      comment: "In-commit timestamp, where the table has them; equal to timestamp.",
    },
    {
      name: "is_blind_append",
      type: "boolean",
      comment: "True when the commit only added files and its writer had read nothing.",
    },
    {
      name: "num_adds",
      type: "int64",
      comment: "Number of add actions; for the checkpoint that an import started with, its files.",
    },
    { name: "num_removes", type: "int64", comment: "Number of remove actions." },
    { name: "num_files", type: "int64", comment: "Number of live files at this version." },
    { name: "size_in_bytes", type: "int64", comment: "Sum of the sizes of live files at this version." },
    ...fingerprint("this version"),
    {
      name: "commit_info",
      type: "text",
      optional: true,
      comment: "The commitInfo action as JSON, without in-commit timestamp.",
    },
  ],
  primaryKey: ["table_id", "version"],
  indexes: [
    { name: "dl_versions_timestamp", columns: ["table_id", "timestamp"], comment: "Time travel by timestamp." },
  ],
  clustered: true,
};

const files: TableSpec = {
  name: "dl_files",
  comment: "Files: one row per add action. A file is live at version v when added_version <= v < removed_version.",
  backup: "files",
  columns: [
    tableId,
    { name: "added_version", type: "int64", comment: "Version that added the file." },
    { name: "ord", type: "int32", comment: "Place among the add actions of that version, from 0." },
    {
      name: "removed_version",
      type: "int64",
      default: OPEN,
      comment: `Version that removed or replaced it; ${OPEN} while it is live.`,
    },
    path,
    pathKey,
    dvKey,
    { name: "partition_values", type: "text", comment: "Partition values as a JSON object of strings and nulls." },
    { name: "size", type: "int64", comment: "Size of the file in bytes." },
    { name: "modification_time", type: "int64", comment: "Milliseconds since the epoch." },
    { name: "data_change", type: "boolean", comment: "False when the action only moved rows that were there." },
    { name: "stats", type: "text", optional: true, comment: "Statistics: JSON text exactly as it came." },
    {
      name: "num_records",
      type: "int64",
      optional: true,
      comment: "numRecords of the statistics: physical rows of the file.",
    },
    { name: "tags", type: "text", optional: true, comment: "Tags as a JSON object." },
    { name: "deletion_vector", type: "text", optional: true, comment: "Deletion vector descriptor as a JSON object." },
    { name: "base_row_id", type: "int64", optional: true, comment: "Row id of the first row, with row tracking." },
    {
      name: "default_row_commit_version",
      type: "int64",
      optional: true,
      comment: "Version that first held the rows, with row tracking.",
    },
    { name: "clustering_provider", type: "text", optional: true, comment: "Name of the clustering implementation." },
    unknown,
    ...[0, 1, 2, 3].map(
      (lane): ColumnSpec => ({
        name: `h${lane}`,
        type: "int64",
        comment: `Lane ${lane} (32 bits) of the SHA-256 of path, deletion vector id, size, modification time, partition values and stats.`,
      }),
    ),
  ],
  primaryKey: ["table_id", "added_version", "ord"],
  indexes: [
    {
      name: "dl_files_live",
      columns: ["table_id", "path_key", "dv_key"],
      unique: true,
      where: `removed_version = ${OPEN}`,
      comment: "A (path, deletion vector) is live once.",
    },
    {
      name: "dl_files_former",
      columns: ["table_id", "path_key", "removed_version"],
      where: `removed_version < ${OPEN}`,
      comment: "Former files of a path, for conflict checks.",
    },
  ],
  clustered: true,
};

const removes: TableSpec = {
  name: "dl_removes",
  comment: "Remove actions: for the mirror, and as tombstones of checkpoints.",
  backup: "versions",
  columns: [
    tableId,
    version,
    { ...ord, comment: "Place among the remove actions of that version, from 0." },
    path,
    pathKey,
    dvKey,
    {
      name: "deletion_timestamp",
      type: "int64",
      optional: true,
      comment: "Milliseconds since the epoch; NULL counts as 0: expired.",
    },
    { name: "data_change", type: "boolean", comment: "False when the action only moved rows that were there." },
    { name: "action", type: "text", comment: "All other fields of the action as a JSON object." },
  ],
  primaryKey: ["table_id", "version", "ord"],
  indexes: [
    { name: "dl_removes_path", columns: ["table_id", "path_key", "version"], comment: "Newest remove of a path." },
  ],
  clustered: true,
};

const whole = (name: string, action: string): TableSpec => ({
  name,
  comment: `${action} actions. The one of a version is the newest at or below it.`,
  backup: "versions",
  columns: [tableId, version, { name: "action", type: "text", comment: `The ${action} action as a JSON object.` }],
  primaryKey: ["table_id", "version"],
  clustered: true,
});

const txns: TableSpec = {
  name: "dl_txns",
  comment: "txn actions: versions of applications. The one of an application is the newest.",
  backup: "versions",
  columns: [
    tableId,
    { name: "app_id", type: "name", comment: "Id of the application." },
    version,
    ord,
    { name: "txn_version", type: "int64", comment: "The application's own version." },
    {
      name: "last_updated",
      type: "int64",
      optional: true,
      comment: "Milliseconds since the epoch, as the writer gave it.",
    },
    unknown,
  ],
  primaryKey: ["table_id", "app_id", "version"],
  indexes: [{ name: "dl_txns_version", columns: ["table_id", "version"], comment: "Actions of a version." }],
  clustered: true,
};

const domains: TableSpec = {
  name: "dl_domains",
  comment: "domainMetadata actions. The one of a domain is the newest; none when that has removed = true.",
  backup: "versions",
  columns: [
    tableId,
    { name: "domain", type: "name", comment: "Name of the domain." },
    version,
    ord,
    { name: "configuration", type: "text", comment: "Configuration of the domain." },
    { name: "removed", type: "boolean", comment: "True when the action takes the domain away." },
    unknown,
  ],
  primaryKey: ["table_id", "domain", "version"],
  indexes: [{ name: "dl_domains_version", columns: ["table_id", "version"], comment: "Actions of a version." }],
  clustered: true,
};

const otherActions: TableSpec = {
  name: "dl_other_actions",
  comment: "Actions that change no table state: cdc, and actions that this release does not know.",
  backup: "versions",
  columns: [tableId, version, ord, { name: "action", type: "text", comment: "The whole action object as JSON." }],
  primaryKey: ["table_id", "version", "ord"],
  clustered: true,
};

const mirrorStatus: TableSpec = {
  name: "dl_mirror_status",
  comment: "Outbox of the mirror: which versions stand in _delta_log.",
  backup: "outbox",
  columns: [
    tableId,
    { name: "version", type: "int64", comment: "Version to publish." },
    { name: "status", type: "text", comment: "IN_FLIGHT, COMPLETE (published) or FAILED." },
    { name: "attempts", type: "int64", default: "0", comment: "How often publishing failed or had to be repeated." },
    { name: "last_error", type: "text", optional: true, comment: "Message of the last failure." },
    {
      name: "committed_at",
      type: "int64",
      comment: "When the version was committed, by the clock of the database, in milliseconds.",
    },
    { name: "tried_at", type: "int64", optional: true, comment: "When publishing last failed, in milliseconds." },
    { name: "published_at", type: "int64", optional: true, comment: "When it was published, in milliseconds." },
  ],
  primaryKey: ["table_id", "version"],
  indexes: [
    {
      name: "dl_mirror_status_open",
      columns: ["table_id", "version"],
      where: "status <> 'COMPLETE'",
      comment: "What is unpublished.",
    },
  ],
};

/** In the order of creation; dl_migrations comes before any migration (migrate.ts). */
export const INITIAL_TABLES: readonly TableSpec[] = [
  tables,
  transactions,
  versions,
  files,
  removes,
  whole("dl_metadata", "metaData"),
  whole("dl_protocols", "protocol"),
  txns,
  domains,
  otherActions,
  mirrorStatus,
];
