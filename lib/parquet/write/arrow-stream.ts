/** Rows as an Arrow stream (IPC streaming format): a schema, then a record batch for every page, so that nobody holds a list. */

import { makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct } from "apache-arrow";
import type { StructField } from "./columns.ts";

export const ARROW_STREAM = "application/vnd.apache.arrow.stream";

export interface ArrowStream<T> {
  /** The next bytes of the stream: these rows as one batch, after the schema where it is the first. */
  page(rows: readonly T[]): Uint8Array;
  /** Its last bytes; of a stream without rows, all of it. */
  end(): Uint8Array;
}

/** A message begins with a mark and the length of its head, four bytes each; without a head, it is the end of the stream. */
const PREFIX = 8;
const END = PREFIX;

export function openArrowStream<T>(fields: readonly StructField<T>[]): ArrowStream<T> {
  const type = new Struct(fields.map(({ field }) => field));
  const schema = new Schema(type.children);
  let begun = false;
  const page = (rows: readonly T[]): Uint8Array => {
    for (const [i, row] of rows.entries()) for (const member of fields) member.set(i, row);
    const children = fields.map((member) => member.take(rows.length));
    const batch = new RecordBatch(schema, makeData({ type, length: rows.length, nullCount: 0, children }));
    const whole = RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
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
