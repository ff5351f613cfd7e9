/** The actions beside add, as rows. Each has its columns named once; metaData, protocol and others are whole JSON objects. */

import type { DomainMetadata, Metadata, Protocol, RemoveFile, Txn } from "../../delta/actions.ts";
import { decodeMetadata, decodeProtocol, decodeRemove } from "../../delta/decode.ts";
import { removeFields } from "../../delta/encode.ts";
import type { Int64 } from "../../delta/values/int64.ts";
import type { JsonObject } from "../../delta/values/json.ts";
import type { Row, SqlValue } from "../database.ts";
import { type FileKey, fileKey } from "./add.ts";
import { flag, json, jsonObject, jsonText, long, optionalJsonObject, optionalLong, storable, text } from "./values.ts";

/** A row by the names of its columns, without its table and version; what is NULL may be left out. */
interface ActionRow {
  readonly [column: string]: SqlValue | undefined;
  readonly ord: number;
}

export interface RemoveRow extends ActionRow, FileKey {
  readonly deletion_timestamp?: Int64;
  readonly data_change: boolean;
  /** All other fields, as JSON. */
  readonly action: string;
}

/** The columns of dl_removes that make a remove action. */
export const REMOVE_COLUMNS = ["path", "deletion_timestamp", "data_change", "action"];

export function removeRow(remove: RemoveFile, ord: number, location?: string): RemoveRow {
  const { path: _, deletionTimestamp, dataChange: __, ...action } = removeFields(remove);
  return {
    ord,
    ...fileKey(remove, location),
    ...(remove.deletionTimestamp === undefined ? {} : { deletion_timestamp: remove.deletionTimestamp }),
    data_change: remove.dataChange,
    action: jsonText(action),
  };
}

export function removeOf(row: Row, action = jsonObject(row, "action")): RemoveFile {
  const deletionTimestamp = optionalLong(row, "deletion_timestamp");
  const fields = { path: text(row, "path"), deletionTimestamp, dataChange: flag(row, "data_change") };
  return decodeRemove({ ...action, ...fields }, "remove");
}

export interface TxnRow extends ActionRow {
  readonly app_id: string;
  readonly txn_version: Int64;
  readonly last_updated?: Int64;
  readonly unknown?: string;
}

export const TXN_COLUMNS = ["app_id", "txn_version", "last_updated", "unknown"];

export function txnRow({ appId, version, lastUpdated, unknown }: Txn, ord: number): TxnRow {
  return {
    ord,
    app_id: storable(appId, "appId"),
    txn_version: version,
    ...(lastUpdated === undefined ? {} : { last_updated: lastUpdated }),
    ...(unknown === undefined ? {} : { unknown: jsonText(unknown) }),
  };
}

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

export interface DomainRow extends ActionRow {
  readonly domain: string;
  readonly configuration: string;
  readonly removed: boolean;
  readonly unknown?: string;
}

export const DOMAIN_COLUMNS = ["domain", "configuration", "removed", "unknown"];

export function domainRow({ domain, configuration, removed, unknown }: DomainMetadata, ord: number): DomainRow {
  return {
    ord,
    domain: storable(domain, "domain"),
    configuration: storable(configuration, "configuration"),
    removed,
    ...(unknown === undefined ? {} : { unknown: jsonText(unknown) }),
  };
}

export function domainOf(row: Row): DomainMetadata {
  const unknown = optionalJsonObject(row, "unknown");
  return {
    domain: text(row, "domain"),
    configuration: text(row, "configuration"),
    removed: flag(row, "removed"),
    ...(unknown === undefined ? {} : { unknown }),
  };
}

/** An action that is kept whole: `cdc`, and what this release does not know. */
export interface OtherRow extends ActionRow {
  readonly action: string;
}

export function otherRow(action: JsonObject, ord: number): OtherRow {
  return { ord, action: jsonText(action) };
}

export function metadataOf(row: Row, column: string): Metadata {
  return decodeMetadata(json(row, column), column);
}

export function protocolOf(row: Row, column: string): Protocol {
  return decodeProtocol(json(row, column), column);
}
