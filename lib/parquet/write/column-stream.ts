/** Rows as a stream of columns, page by page, so that nobody holds a list: Arrow's streaming format, or a Parquet file with a row group a page. */

import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from "apache-arrow";
import type { StructField } from "./columns.ts";
import { encodeParquet } from "./group.ts";
import { openSplice } from "./splice.ts";

export interface ColumnStream<T> {
  /** The next bytes of the stream: these rows as one record batch or row group, after what begins it where they are the first. */
  page(rows: readonly T[]): Uint8Array;
  /** Its last bytes; of a stream without rows, all of it. */
  end(): Uint8Array;
}

function openBatches<T>(fields: readonly StructField<T>[]): (rows: readonly T[]) => RecordBatch {
  const type = new Struct(fields.map(({ field }) => field));
  const schema = new Schema(type.children);
  return (rows) => {
    for (const [i, row] of rows.entries()) for (const member of fields) member.set(i, row);
    const children = fields.map((member) => member.take(rows.length));
    return new RecordBatch(schema, makeData({ type, length: rows.length, nullCount: 0, children }));
  };
}

/** In Arrow's IPC streaming format a message begins with a mark and the length of its head, four bytes each; without a head, it is the end of the stream. */
const PREFIX = 8;
const END = PREFIX;

export function openArrowStream<T>(fields: readonly StructField<T>[]): ColumnStream<T> {
  const batchOf = openBatches(fields);
  let begun = false;
  const page = (rows: readonly T[]): Uint8Array => {
    const whole = RecordBatchStreamWriter.writeAll([batchOf(rows)]).toUint8Array(true);
    // The schema has a head and no body, and comes once.
    const from = begun ? PREFIX + new DataView(whole.buffer, whole.byteOffset).getInt32(4, true) : 0;
    begun = true;
    return whole.subarray(from, whole.length - END);
  };
  return {
    page,
    end() {
      const last = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
      return begun ? last : Buffer.concat([page([]), last]);
    },
  };
}

export function openParquetStream<T>(fields: readonly StructField<T>[]): ColumnStream<T> {
  const batchOf = openBatches(fields);
  const splice = openSplice("rows");
  let begun = false;
  const page = (rows: readonly T[]): Uint8Array => {
    begun = true;
    return splice.append(encodeParquet(batchOf(rows)));
  };
  return {
    page,
    end: () => (begun ? splice.end() : Buffer.concat([page([]), splice.end()])),
  };
}
