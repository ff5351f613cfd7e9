/** One row group: its columns while it fills, then its bytes as a Parquet file of its own. The only place that calls the Parquet writer. */

import { Field, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from "apache-arrow";
import {
  Compression,
  EnabledStatistics,
  Table,
  WriterPropertiesBuilder,
  WriterVersion,
  writeParquet,
} from "parquet-wasm";
import type { Column } from "./columns.ts";

export interface RowGroup {
  readonly rows: number;
  /** Adds a row that has a value in this column alone. */
  put<T>(column: Column<T>, value: T): void;
  /**
   * The rows so far as a Parquet file with one row group; then the group is empty again.
   * @param options.plain values are written as they are: neither compressed nor in a dictionary
   */
  take(options?: { readonly plain?: boolean }): Uint8Array;
}

type AnyColumn = Pick<Column<never>, "type" | "take">;

/** @param columns the top-level columns by name, all nullable */
export function openRowGroup(columns: Readonly<Record<string, AnyColumn>>): RowGroup {
  const type = new Struct(Object.entries(columns).map(([name, column]) => new Field(name, column.type, true)));
  const schema = new Schema(type.children);
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    put(column, value) {
      column.set(rows, value);
      rows += 1;
    },
    take({ plain = false } = {}) {
      const children = Object.values(columns).map((column) => column.take(rows));
      const batch = new RecordBatch(schema, makeData({ type, length: rows, nullCount: 0, children }));
      const file = encodeParquet(batch, { plain });
      rows = 0;
      return file;
    },
  };
}

/**
 * A Parquet file with these rows as its one row group.
 *
 * Data pages V1, as all known Delta readers read them. Statistics per column chunk, not per page: column indexes have hurt
 * Trino (trinodb/trino#18760), null counts per chunk are what kernels skip row groups by.
 */
export function encodeParquet(batch: RecordBatch, { plain = false } = {}): Uint8Array {
  const arrow = RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
  const properties = new WriterPropertiesBuilder()
    .setWriterVersion(WriterVersion.V1)
    .setCompression(plain ? Compression.UNCOMPRESSED : Compression.SNAPPY)
    .setDictionaryEnabled(!plain)
    .setStatisticsEnabled(EnabledStatistics.Chunk)
    .setMaxRowGroupSize(Math.max(1, batch.numRows))
    .build();
  // The call consumes both: their memory in the WebAssembly heap is free again when it returns.
  return writeParquet(Table.fromIPCStream(arrow), properties);
}
