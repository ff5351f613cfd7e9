/** The one border between rows and the model: JSON, booleans and 64-bit integers change their form here and nowhere else. */

import type { AddFile, DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../delta/actions.ts";
import { decodeDeletionVector, decodeMetadata, decodeProtocol, decodeRemove } from "../delta/decode.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import { type Int64, int64 } from "../delta/int64.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "../delta/json.ts";
import type { MarkerName } from "../delta/table.ts";
import { corrupt, invalid } from "../errors.ts";
import type { MirrorStatus, TableHead, TableStatus, Transaction, VersionSummary } from "../ports.ts";
import { type Row, raw, type Sql } from "./database.ts";

function wrong(row: Row, column: string, wanted: string): Error {
  return corrupt(`the column ${column} of the catalog holds ${String(row[column])}, which is not ${wanted}`);
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrong(row, column, "text");
  return value;
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column);
}

/** A 64-bit integer. */
export function long(row: Row, column: string): Int64 {
  const value = row[column];
  if (typeof value !== "number" && typeof value !== "bigint") throw wrong(row, column, "an integer");
  return int64(value);
}

export function optionalLong(row: Row, column: string): Int64 | undefined {
  return row[column] === null ? undefined : long(row, column);
}

/** An integer that is a number in the model: versions, times, counts. */
export function integer(row: Row, column: string): number {
  const value = long(row, column);
  if (typeof value !== "number") throw wrong(row, column, "an integer below 2^53");
  return value;
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column);
}

export function flag(row: Row, column: string): boolean {
  const value = row[column];
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw wrong(row, column, "true or false");
}

function json(row: Row, column: string): Json {
  try {
    return parseJson(text(row, column));
  } catch (cause) {
    throw corrupt(`the column ${column} of the catalog is not JSON`, { cause });
  }
}

export function jsonObject(row: Row, column: string): JsonObject {
  const value = json(row, column);
  if (!isJsonObject(value)) throw wrong(row, column, "a JSON object");
  return value;
}

export function optionalJsonObject(row: Row, column: string): JsonObject | undefined {
  return row[column] === null ? undefined : jsonObject(row, column);
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** The form in which ids are stored: lower case; undefined when it is no UUID, so that it can name nothing. */
export function storedUuid(id: string): string | undefined {
  const lower = id.toLowerCase();
  return UUID.test(lower) ? lower : undefined;
}

/** @throws LakeError invalid */
export function requireUuid(id: string, what: string): string {
  const stored = storedUuid(id);
  if (stored === undefined) throw invalid(`the ${what} "${id}" is not a UUID`);
  return stored;
}

const MARKER_COLUMNS: Readonly<Record<MarkerName, string>> = {
  metadata: "metadata_version",
  protocol: "protocol_version",
  add: "add_version",
  nonBlindAdd: "non_blind_add_version",
  remove: "remove_version",
  txn: "txn_version",
  domain: "domain_version",
};

export function markerColumn(name: MarkerName): string {
  return MARKER_COLUMNS[name];
}

export function markersOf(row: Row): Record<MarkerName, number> {
  return {
    metadata: integer(row, MARKER_COLUMNS.metadata),
    protocol: integer(row, MARKER_COLUMNS.protocol),
    add: integer(row, MARKER_COLUMNS.add),
    nonBlindAdd: integer(row, MARKER_COLUMNS.nonBlindAdd),
    remove: integer(row, MARKER_COLUMNS.remove),
    txn: integer(row, MARKER_COLUMNS.txn),
    domain: integer(row, MARKER_COLUMNS.domain),
  };
}

export const LANE_NAMES = ["0", "1", "2", "3"] as const;

export function lanesOf(row: Row, prefix: "h" | "fingerprint_"): Fingerprint {
  const [a, b, c, d] = LANE_NAMES.map((lane) => integer(row, prefix + lane)) as [number, number, number, number];
  return [a, b, c, d];
}

const STATUSES: readonly string[] = ["ACTIVE", "IMPORTING", "DELETED"] satisfies TableStatus[];

export function headOf(row: Row): TableHead {
  const status = text(row, "status");
  if (!STATUSES.includes(status)) throw wrong(row, "status", "a status");
  const quarantine = optionalText(row, "quarantine");
  return {
    tableId: text(row, "table_id"),
    name: text(row, "name"),
    location: text(row, "location"),
    status: status as TableStatus,
    version: integer(row, "version"),
    baseVersion: integer(row, "base_version"),
    timestamp: integer(row, "timestamp"),
    numFiles: integer(row, "num_files"),
    sizeInBytes: long(row, "size_in_bytes"),
    markers: markersOf(row),
    ...(quarantine === undefined ? {} : { quarantine }),
    createdAt: integer(row, "created_at"),
  };
}

export function metadataOf(row: Row, column: string): Metadata {
  return decodeMetadata(json(row, column), column);
}

export function protocolOf(row: Row, column: string): Protocol {
  return decodeProtocol(json(row, column), column);
}

/** The columns of dl_files that make an add action. */
export const ADD_COLUMNS: readonly string[] = [
  "path",
  "partition_values",
  "size",
  "modification_time",
  "data_change",
  "stats",
  "tags",
  "deletion_vector",
  "base_row_id",
  "default_row_commit_version",
  "clustering_provider",
  "unknown",
];

export function columns(names: readonly string[], alias?: string): Sql {
  return raw(names.map((name) => (alias === undefined ? name : `${alias}.${name}`)).join(", "));
}

const NO_VALUES: AddFile["partitionValues"] = Object.freeze({});

export function addOf(row: Row): AddFile {
  const add: { -readonly [K in keyof AddFile]: AddFile[K] } = {
    path: text(row, "path"),
    partitionValues:
      row.partition_values === "{}" ? NO_VALUES : (jsonObject(row, "partition_values") as AddFile["partitionValues"]),
    size: long(row, "size"),
    modificationTime: long(row, "modification_time"),
    dataChange: flag(row, "data_change"),
  };
  if (row.stats !== null) add.stats = text(row, "stats");
  if (row.tags !== null) add.tags = jsonObject(row, "tags") as AddFile["partitionValues"];
  if (row.deletion_vector !== null) {
    add.deletionVector = decodeDeletionVector(json(row, "deletion_vector"), "deletion_vector");
  }
  if (row.base_row_id !== null) add.baseRowId = long(row, "base_row_id");
  if (row.default_row_commit_version !== null) add.defaultRowCommitVersion = long(row, "default_row_commit_version");
  if (row.clustering_provider !== null) add.clusteringProvider = text(row, "clustering_provider");
  if (row.unknown !== null) add.unknown = jsonObject(row, "unknown");
  return add;
}

/** A row of dl_removes: path, deletion_timestamp, data_change and action. */
export function removeOf(row: Row): RemoveFile {
  const deletionTimestamp = optionalLong(row, "deletion_timestamp");
  return decodeRemove(
    { ...jsonObject(row, "action"), path: text(row, "path"), deletionTimestamp, dataChange: flag(row, "data_change") },
    "remove",
  );
}

/** A row with app_id, txn_version, last_updated and unknown. */
export function txnOf(row: Row): Txn {
  const lastUpdated = optionalLong(row, "last_updated");
  const unknown = optionalJsonObject(row, "unknown");
  return {
    appId: text(row, "app_id"),
    version: long(row, "txn_version"),
    ...(lastUpdated === undefined ? {} : { lastUpdated }),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

/** A row with domain, configuration, removed and unknown. */
export function domainOf(row: Row): DomainMetadata {
  const unknown = optionalJsonObject(row, "unknown");
  return {
    domain: text(row, "domain"),
    configuration: text(row, "configuration"),
    removed: flag(row, "removed"),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

export function summaryOf(row: Row): VersionSummary {
  const inCommitTimestamp = optionalInteger(row, "in_commit_timestamp");
  const transactionId = optionalText(row, "transaction_id");
  const commitInfo = optionalJsonObject(row, "commit_info");
  return {
    version: integer(row, "version"),
    timestamp: integer(row, "timestamp"),
    ...(inCommitTimestamp === undefined ? {} : { inCommitTimestamp }),
    ...(transactionId === undefined ? {} : { transactionId }),
    ...(commitInfo === undefined ? {} : { commitInfo }),
    numAdds: integer(row, "num_adds"),
    numRemoves: integer(row, "num_removes"),
    numFiles: integer(row, "num_files"),
    sizeInBytes: long(row, "size_in_bytes"),
    isBlindAppend: flag(row, "is_blind_append"),
  };
}

export function transactionOf(row: Row): Transaction {
  return {
    transactionId: text(row, "transaction_id"),
    requestHash: text(row, "request_hash"),
    committedAt: integer(row, "committed_at"),
    tables: json(row, "result") as unknown as Transaction["tables"],
  };
}

export function mirrorStatusOf(row: Row): MirrorStatus {
  const lastError = optionalText(row, "last_error");
  const publishedAt = optionalInteger(row, "published_at");
  return {
    tableId: text(row, "table_id"),
    version: integer(row, "version"),
    status: text(row, "status") as MirrorStatus["status"],
    attempts: integer(row, "attempts"),
    ...(lastError === undefined ? {} : { lastError }),
    committedAt: integer(row, "committed_at"),
    ...(publishedAt === undefined ? {} : { publishedAt }),
  };
}
