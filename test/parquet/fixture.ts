/** Makes checkpoint files for tests, with any schema that some writer may have chosen: Arrow types in, Parquet bytes out. */

import * as arrow from "apache-arrow";
import { Compression, Table, WriterPropertiesBuilder, writeParquet } from "parquet-wasm";

export { arrow };

export interface FixtureOptions {
  /** Rows per row group; all in one if absent. */
  readonly rowsPerGroup?: number;
  readonly compression?: "SNAPPY" | "ZSTD" | "UNCOMPRESSED" | "GZIP";
  /** Names of the entries of maps, their key and their value, as Arrow writers choose them. */
  readonly mapNames?: readonly [entries: string, key: string, value: string];
}

const utf8 = new arrow.Utf8();
const int64 = new arrow.Int64();
const int32 = new arrow.Int32();
const bool = new arrow.Bool();

export function struct(members: Readonly<Record<string, arrow.DataType>>): arrow.Struct {
  return new arrow.Struct(Object.entries(members).map(([name, type]) => new arrow.Field(name, type, true)));
}

export function stringMap([entries, key, value]: readonly [string, string, string]): arrow.DataType {
  const entry = new arrow.Struct<{ key: arrow.Utf8; value: arrow.Utf8 }>([
    new arrow.Field(key as "key", utf8, false),
    new arrow.Field(value as "value", utf8, true),
  ]);
  const map = new arrow.Map_(new arrow.Field(entries, entry, false));
  // Arrow's constructor renames the entries.
  Object.assign(map.children[0] ?? {}, { name: entries });
  return map;
}

export function stringList(): arrow.DataType {
  return new arrow.List(new arrow.Field("element", utf8, true));
}

/** The columns of a classic checkpoint, with `more` members in `add`. */
export function checkpointColumns(
  mapNames: FixtureOptions["mapNames"] = ["key_value", "key", "value"],
  more: Readonly<Record<string, arrow.DataType>> = {},
): Record<string, arrow.DataType> {
  const map = stringMap(mapNames);
  const deletionVector = struct({
    storageType: utf8,
    pathOrInlineDv: utf8,
    offset: int32,
    sizeInBytes: int32,
    cardinality: int64,
    maxRowIndex: int64,
  });
  const file = { path: utf8, partitionValues: map, size: int64, dataChange: bool, deletionVector };
  return {
    protocol: struct({
      minReaderVersion: int32,
      minWriterVersion: int32,
      readerFeatures: stringList(),
      writerFeatures: stringList(),
    }),
    metaData: struct({
      id: utf8,
      format: struct({ provider: utf8, options: map }),
      schemaString: utf8,
      partitionColumns: stringList(),
      configuration: map,
      createdTime: int64,
    }),
    txn: struct({ appId: utf8, version: int64, lastUpdated: int64 }),
    domainMetadata: struct({ domain: utf8, configuration: utf8, removed: bool }),
    sidecar: struct({ path: utf8, sizeInBytes: int64, modificationTime: int64 }),
    add: struct({ ...file, modificationTime: int64, stats: utf8, tags: map, baseRowId: int64, ...more }),
    remove: struct({ ...file, deletionTimestamp: int64, extendedFileMetadata: bool }),
  };
}

/** Arrow's builders want every member of a struct named, and maps as Map. */
function filled(value: unknown, type: arrow.DataType): unknown {
  if (value === undefined || value === null) return null;
  if (arrow.DataType.isMap(type)) return new Map(Object.entries(value));
  if (!arrow.DataType.isStruct(type)) return value;
  return Object.fromEntries(
    type.children.map(({ name, type: member }) => [name, filled((value as Record<string, unknown>)[name], member)]),
  );
}

/** A Parquet file with these columns and rows; what a row lacks is null. Integers of 64 bits are given as bigint. */
export function parquetBytes(
  columns: Readonly<Record<string, arrow.DataType>>,
  rows: readonly Readonly<Record<string, unknown>>[],
  options: FixtureOptions = {},
): Uint8Array {
  const vectors = Object.entries(columns).map(([name, type]) => [
    name,
    arrow.vectorFromArray(
      rows.map((row) => filled(row[name], type)),
      type,
    ),
  ]);
  const table = new arrow.Table(Object.fromEntries(vectors));
  const properties = new WriterPropertiesBuilder()
    .setCompression(Compression[options.compression ?? "SNAPPY"])
    .setMaxRowGroupSize(options.rowsPerGroup ?? Math.max(rows.length, 1))
    .build();
  return writeParquet(Table.fromIPCStream(arrow.tableToIPC(table, "stream")), properties);
}
