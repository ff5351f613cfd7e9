/** What one version writes, as plain rows: computed once from the actions, used by TypeScript and by PL/pgSQL alike. */

import type { AddFile, CommitActions, DomainMetadata, RemoveFile } from "../../delta/actions.ts";
import { deletionVectorFields, metadataFields, protocolFields, removeFields } from "../../delta/encode.ts";
import type { Int64 } from "../../delta/int64.ts";
import { isInt64 } from "../../delta/int64.ts";
import { isJsonObject, parseJson, stringifyJson } from "../../delta/json.ts";
import { ROW_TRACKING_DOMAIN } from "../../delta/system-domains.ts";
import type { PlannedTable } from "../../delta/table.ts";
import { invalid } from "../../errors.ts";
import { dvKey, fileFingerprint, pathKey } from "../keys.ts";
import { markerColumn, requireUuid } from "../rows.ts";

/**
 * An add action as an array; PL/pgSQL reads it by position (migrations/0002-commit-functions.ts).
 * `replaces` is the dv_key of the remove of the same path in the same commit (there is at most one: delta-rules.md §1.1).
 */
export type AddRow = readonly [
  path: string,
  pathKey: string,
  dvKey: string,
  replaces: string | null,
  partitionValues: string,
  size: Int64,
  modificationTime: Int64,
  dataChange: boolean,
  stats: string | null,
  numRecords: Int64 | null,
  tags: string | null,
  deletionVector: string | null,
  baseRowId: Int64 | null,
  defaultRowCommitVersion: Int64 | null,
  clusteringProvider: string | null,
  unknown: string | null,
  h0: number,
  h1: number,
  h2: number,
  h3: number,
];

export type RemoveRow = readonly [
  path: string,
  pathKey: string,
  dvKey: string,
  deletionTimestamp: Int64 | null,
  dataChange: boolean,
  action: string,
];

export type TxnRow = readonly [appId: string, version: Int64, lastUpdated: Int64 | null, unknown: string | null];
export type DomainRow = readonly [domain: string, configuration: string, removed: boolean, unknown: string | null];

export interface TableWrite {
  readonly adds: readonly AddRow[];
  readonly removes: readonly RemoveRow[];
  readonly txns: readonly TxnRow[];
  readonly domains: readonly DomainRow[];
  readonly others: readonly string[];
  readonly metadata?: string;
  readonly protocol?: string;
  readonly commitInfo?: string;
  /** The row-id high-water mark that the actions themselves carry. */
  readonly highWaterMark?: Int64;
  /** True when a domain other than delta.rowTracking changes. */
  readonly userDomains: boolean;
  readonly isBlindAppend: boolean;
  /** True: row ids are assigned. */
  readonly rowIds: boolean;
}

/** One table of a transaction, as the commit takes it. */
export interface TableRequest extends TableWrite {
  readonly tableId: string;
  readonly create?: { readonly name: string; readonly location: string };
  readonly readVersion: number;
  readonly checkedVersion: number;
  readonly metadataVersion: number;
  readonly protocolVersion: number;
  /** Columns of dl_tables. */
  readonly watch: readonly string[];
  readonly inCommitTimestamps: boolean;
}

export function tableRequest(planned: PlannedTable): TableRequest {
  const { create } = planned;
  return {
    ...tableWrite(planned.actions, planned),
    tableId: requireUuid(planned.tableId, "table id"),
    ...(create === undefined
      ? {}
      : { create: { name: storable(create.name, "name"), location: storable(create.location, "location") } }),
    readVersion: planned.readVersion,
    checkedVersion: planned.checkedVersion,
    metadataVersion: planned.metadataVersion,
    protocolVersion: planned.protocolVersion,
    watch: planned.watch.map(markerColumn),
    inCommitTimestamps: planned.inCommitTimestamps,
  };
}

/** @param options.assignRowIds then a row-id high-water mark in the actions is dropped: the commit writes its own */
export function tableWrite(
  actions: CommitActions,
  options: { readonly isBlindAppend: boolean; readonly assignRowIds: boolean },
): TableWrite {
  const rowIds = options.assignRowIds;
  const removes = actions.removes.map((remove) => removeRow(rowIds ? withoutRowIds(remove) : remove));
  const replaced = new Map(removes.map((row) => [row[1], row[2]]));
  const domains = actions.domains.filter((domain) => !rowIds || domain.domain !== ROW_TRACKING_DOMAIN);
  const highWaterMark = highWaterMarkOf(domains);
  return {
    adds: lastOfEach(
      actions.adds.map((add) => addRow(add, replaced)),
      (row) => row[1] + row[2],
    ),
    removes,
    txns: lastOfEach(
      actions.txns.map(
        (txn): TxnRow => [storable(txn.appId, "appId"), txn.version, txn.lastUpdated ?? null, jsonOrNull(txn.unknown)],
      ),
      (row) => row[0],
    ),
    domains: lastOfEach(
      domains.map(
        (d): DomainRow => [
          storable(d.domain, "domain"),
          storable(d.configuration, "configuration"),
          d.removed,
          jsonOrNull(d.unknown),
        ],
      ),
      (row) => row[0],
    ),
    others: actions.others.map(stringifyJson),
    ...(actions.metadata ? { metadata: stringifyJson(metadataFields(actions.metadata)) } : {}),
    ...(actions.protocol ? { protocol: stringifyJson(protocolFields(actions.protocol)) } : {}),
    ...(actions.commitInfo ? { commitInfo: stringifyJson(actions.commitInfo) } : {}),
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
    userDomains: domains.some((domain) => domain.domain !== ROW_TRACKING_DOMAIN),
    isBlindAppend: options.isBlindAppend,
    rowIds,
  };
}

function addRow(add: AddFile, replaced: ReadonlyMap<string, string>): AddRow {
  const key = pathKey(add.path);
  return [
    storable(add.path, "path"),
    key,
    dvKey(add),
    replaced.get(key) ?? null,
    JSON.stringify(add.partitionValues),
    add.size,
    add.modificationTime,
    add.dataChange,
    add.stats === undefined ? null : storable(add.stats, "stats"),
    numRecords(add.stats),
    jsonOrNull(add.tags),
    add.deletionVector === undefined ? null : stringifyJson(deletionVectorFields(add.deletionVector)),
    add.baseRowId ?? null,
    add.defaultRowCommitVersion ?? null,
    add.clusteringProvider === undefined ? null : storable(add.clusteringProvider, "clusteringProvider"),
    jsonOrNull(add.unknown),
    ...fileFingerprint(add),
  ];
}

/** Ids of a removed file are copied from its live row under the lock (delta-rules.md §3.1). */
function withoutRowIds(remove: RemoveFile): RemoveFile {
  const { baseRowId: _, defaultRowCommitVersion: __, ...rest } = remove;
  return rest;
}

function removeRow(remove: RemoveFile): RemoveRow {
  const { path, deletionTimestamp, dataChange, ...action } = removeFields(remove);
  return [
    storable(remove.path, "path"),
    pathKey(remove.path),
    dvKey(remove),
    remove.deletionTimestamp ?? null,
    remove.dataChange,
    stringifyJson(action),
  ];
}

/** `numRecords` of a file's statistics; null when it has none. */
export function numRecords(stats: string | undefined): Int64 | null {
  if (stats === undefined) return null;
  try {
    // Exact parsing costs more; only a count beyond 2^53 needs it.
    const fast: unknown = JSON.parse(stats)?.numRecords;
    if (typeof fast !== "number" || Number.isSafeInteger(fast)) return isInt64(fast) ? fast : null;
    const exact = parseJson(stats);
    const value = isJsonObject(exact) ? exact.numRecords : undefined;
    return isInt64(value) ? value : null;
  } catch {
    return null;
  }
}

function highWaterMarkOf(domains: readonly DomainMetadata[]): Int64 | undefined {
  const domain = domains.findLast((d) => d.domain === ROW_TRACKING_DOMAIN && !d.removed);
  if (domain === undefined) return undefined;
  try {
    const configuration = parseJson(domain.configuration);
    const value = isJsonObject(configuration) ? configuration.rowIdHighWaterMark : undefined;
    return isInt64(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Readers take the last of two equal keys in one commit; foreign logs that an import meets have such. */
function lastOfEach<T>(rows: readonly T[], key: (row: T) => string): readonly T[] {
  const last = new Map(rows.map((row) => [key(row), row]));
  return last.size === rows.length ? rows : rows.filter((row) => last.get(key(row)) === row);
}

function jsonOrNull(value: object | undefined): string | null {
  return value === undefined ? null : stringifyJson(value);
}

/** PostgreSQL has no character U+0000; refused everywhere, so that a table can move between engines. */
function storable(value: string, what: string): string {
  if (value.includes("\0")) throw invalid(`the ${what} holds the character U+0000, which a catalog cannot store`);
  return value;
}

/** The JSON that a database function takes. */
export function requestJson(request: unknown): string {
  try {
    return JSON.stringify(request);
  } catch (error) {
    // JSON.stringify refuses bigint; the exact writer costs three times as much, and such numbers are rare.
    if (error instanceof TypeError) return stringifyJson(request);
    throw error;
  }
}
