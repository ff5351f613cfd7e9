/** Files and versions as columns, for who reads Arrow or Parquet. Loaded when somebody asks for them. */

import type { AddFile, DeletionVector } from "../delta/actions.ts";
import { stringifyJson } from "../delta/values/json.ts";
import type { HistoryEntry } from "../operations/history.ts";
import { openArrowStream, openParquetStream } from "../parquet/write/column-stream.ts";
import {
  booleanColumn,
  field,
  longColumn,
  type StructField,
  structColumn,
  textColumn,
  textMapColumn,
} from "../parquet/write/columns.ts";
import { ARROW, type ColumnType } from "./file-list.ts";
import type { ListForm } from "./list-stream.ts";

function form<T>(contentType: ColumnType, columns: readonly StructField<T>[]): ListForm<T> {
  const stream = contentType === ARROW ? openArrowStream(columns) : openParquetStream(columns);
  return { contentType, page: stream.page, end: stream.end };
}

/** Columns are named as the fields of an add action; `unknown` has fields that we do not know, as a JSON text. */
export function columnsOfFiles(type: ColumnType, fields?: readonly string[]): ListForm<AddFile> {
  const deletionVector = structColumn<DeletionVector>([
    field("storageType", textColumn(), (dv) => dv.storageType),
    field("pathOrInlineDv", textColumn(), (dv) => dv.pathOrInlineDv),
    field("offset", longColumn(), (dv) => dv.offset),
    field("sizeInBytes", longColumn(), (dv) => dv.sizeInBytes),
    field("cardinality", longColumn(), (dv) => dv.cardinality),
  ]);
  const columns = [
    field("path", textColumn(), (add: AddFile) => add.path),
    field("partitionValues", textMapColumn(), (add: AddFile) => add.partitionValues),
    field("size", longColumn(), (add: AddFile) => add.size),
    field("modificationTime", longColumn(), (add: AddFile) => add.modificationTime),
    field("dataChange", booleanColumn(), (add: AddFile) => add.dataChange),
    field("stats", textColumn(), (add: AddFile) => add.stats),
    field("tags", textMapColumn(), (add: AddFile) => add.tags),
    field("deletionVector", deletionVector, (add: AddFile) => add.deletionVector),
    field("baseRowId", longColumn(), (add: AddFile) => add.baseRowId),
    field("defaultRowCommitVersion", longColumn(), (add: AddFile) => add.defaultRowCommitVersion),
    field("clusteringProvider", textColumn(), (add: AddFile) => add.clusteringProvider),
    field("unknown", textColumn(), (add: AddFile) => add.unknown && stringifyJson(add.unknown)),
  ];
  return form(type, fields === undefined ? columns : columns.filter((column) => fields.includes(column.field.name)));
}

/** Columns are named as the members of a version in JSON; `commitInfo` is a JSON text. */
export function columnsOfHistory(type: ColumnType): ListForm<HistoryEntry> {
  return form(type, [
    field("version", longColumn(), (entry: HistoryEntry) => entry.version),
    field("timestamp", longColumn(), (entry: HistoryEntry) => entry.timestamp),
    field("inCommitTimestamp", longColumn(), (entry: HistoryEntry) => entry.inCommitTimestamp),
    field("transactionId", textColumn(), (entry: HistoryEntry) => entry.transactionId),
    field("commitInfo", textColumn(), (entry: HistoryEntry) => entry.commitInfo && stringifyJson(entry.commitInfo)),
    field("numAdds", longColumn(), (entry: HistoryEntry) => entry.numAdds),
    field("numRemoves", longColumn(), (entry: HistoryEntry) => entry.numRemoves),
    field("numFiles", longColumn(), (entry: HistoryEntry) => entry.numFiles),
    field("sizeInBytes", longColumn(), (entry: HistoryEntry) => entry.sizeInBytes),
    field("isBlindAppend", booleanColumn(), (entry: HistoryEntry) => entry.isBlindAppend),
    field("mirror", textColumn(), (entry: HistoryEntry) => entry.mirror),
  ]);
}
