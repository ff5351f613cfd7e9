/** Columns that collect values straight into Arrow buffers: no object per row and no BigInt per cell, which is what makes Arrow's own builders slow. */

import {
  Binary,
  Bool,
  type Data,
  type DataType,
  Date_,
  DateUnit,
  Decimal,
  Field,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64 as Int64Type,
  List,
  Map_,
  makeData,
  Struct,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import type { Int64 } from "../../delta/values/int64.ts";

/**
 * One column of the row group being filled. Rows are set in ascending order; a row that is never set is null, so that an
 * absent struct costs nothing however many fields it has.
 */
export interface Column<T> {
  readonly type: DataType;
  set(row: number, value: T): void;
  /** The first `rows` rows, and a fresh start. The data share memory with the column: use them before the next `set`. */
  take(rows: number): Data;
}

/** Texts by name; a null is a value of its own, undefined means no entry. */
export type TextMap = Readonly<Record<string, string | null | undefined>>;

/** A member of a struct column: where its value is found in a `T`, and where it goes. */
export interface StructField<T> {
  readonly field: Field;
  set(row: number, from: T): void;
  take(rows: number): Data;
}

/** A nullable member of a struct. Null and undefined values stay null. */
export function field<T, V>(
  name: string,
  column: Column<V>,
  read: (from: T) => V | null | undefined,
  options: { readonly nullable: boolean } = { nullable: true },
): StructField<T> {
  return {
    field: new Field(name, column.type, options.nullable),
    set(row, from) {
      const value = read(from);
      if (value !== undefined && value !== null) column.set(row, value);
    },
    take: (rows) => column.take(rows),
  };
}

// ---------------------------------------------------------------- scalars

export function textColumn(type: Utf8 | Binary = new Utf8()): Column<string> {
  const valid = openValidity();
  const offsets = openOffsets();
  let bytes: Buffer = Buffer.allocUnsafe(4096);
  return {
    type,
    set(row, value) {
      const start = offsets.end();
      bytes = withRoom(bytes, start + value.length * 3, (length) => Buffer.allocUnsafe(length));
      valid.set(row);
      offsets.set(row, start + bytes.write(value, start));
    },
    take(rows) {
      const data = bytes.subarray(0, offsets.end());
      const shared = { length: rows, ...valid.take(rows), valueOffsets: offsets.take(rows), data };
      return type instanceof Utf8 ? makeData({ type, ...shared }) : makeData({ type, ...shared });
    },
  };
}

/** The UTF-8 bytes of a text, as BYTE_ARRAY without annotation. */
export const binaryColumn = (): Column<string> => textColumn(new Binary());

export function booleanColumn(): Column<boolean> {
  const valid = openValidity();
  const values = openValidity();
  const type = new Bool();
  return {
    type,
    set(row, value) {
      valid.set(row);
      if (value) values.set(row);
    },
    take: (rows) => makeData({ type, length: rows, ...valid.take(rows), data: values.take(rows).nullBitmap }),
  };
}

/** 64-bit integers: numbers go in as two 32-bit halves, exact and without a BigInt. */
function wideColumn(type: Int64Type | TimestampMicrosecond): Column<Int64> {
  const valid = openValidity();
  let wide = new BigInt64Array(64);
  let halves = new Int32Array(wide.buffer);
  return {
    type,
    set(row, value) {
      if (row >= wide.length) {
        wide = withRoom(wide, row + 1, (length) => new BigInt64Array(length));
        halves = new Int32Array(wide.buffer);
      }
      valid.set(row);
      if (typeof value === "bigint") {
        wide[row] = value;
        return;
      }
      const high = Math.floor(value / 2 ** 32);
      halves[row * 2] = value - high * 2 ** 32;
      halves[row * 2 + 1] = high;
    },
    take(rows) {
      wide = withRoom(wide, rows, (length) => new BigInt64Array(length));
      halves = new Int32Array(wide.buffer);
      const shared = { length: rows, ...valid.take(rows), data: wide.subarray(0, rows) };
      return type instanceof Int64Type ? makeData({ type, ...shared }) : makeData({ type, ...shared });
    },
  };
}

export const longColumn = (): Column<Int64> => wideColumn(new Int64Type());
/** Microseconds since the epoch. */
export const timestampColumn = (): Column<Int64> => wideColumn(new TimestampMicrosecond("UTC"));
/** Microseconds of a clock without a zone. */
export const timestampNtzColumn = (): Column<Int64> => wideColumn(new TimestampMicrosecond());

type NumberArray = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

function numberColumn<A extends NumberArray & Growable<A>>(
  type: DataType,
  make: (length: number) => A,
  toData: (props: { length: number; nullCount: number; nullBitmap: Uint8Array; data: A }) => Data,
): Column<number> {
  const valid = openValidity();
  let values = make(64);
  return {
    type,
    set(row, value) {
      values = withRoom(values, row + 1, make);
      valid.set(row);
      values[row] = value;
    },
    take(rows) {
      values = withRoom(values, rows, make);
      return toData({ length: rows, ...valid.take(rows), data: values.subarray(0, rows) as A });
    },
  };
}

export const byteColumn = (type = new Int8()): Column<number> =>
  numberColumn(
    type,
    (n) => new Int8Array(n),
    (props) => makeData({ type, ...props }),
  );
export const shortColumn = (type = new Int16()): Column<number> =>
  numberColumn(
    type,
    (n) => new Int16Array(n),
    (props) => makeData({ type, ...props }),
  );
export const intColumn = (type = new Int32()): Column<number> =>
  numberColumn(
    type,
    (n) => new Int32Array(n),
    (props) => makeData({ type, ...props }),
  );
export const floatColumn = (type = new Float32()): Column<number> =>
  numberColumn(
    type,
    (n) => new Float32Array(n),
    (props) => makeData({ type, ...props }),
  );
export const doubleColumn = (type = new Float64()): Column<number> =>
  numberColumn(
    type,
    (n) => new Float64Array(n),
    (props) => makeData({ type, ...props }),
  );
/** Days since the epoch. */
export const dateColumn = (type = new Date_(DateUnit.DAY)): Column<number> =>
  numberColumn(
    type,
    (n) => new Int32Array(n),
    (props) => makeData({ type, ...props }),
  );

/** Unscaled decimal values, in 128 bits, low word first. */
export function decimalColumn(precision: number, scale: number): Column<bigint> {
  const valid = openValidity();
  const type = new Decimal(scale, precision, 128);
  let words = new BigInt64Array(128);
  const make = (length: number) => new BigInt64Array(length);
  return {
    type,
    set(row, value) {
      words = withRoom(words, row * 2 + 2, make);
      valid.set(row);
      words[row * 2] = BigInt.asIntN(64, value);
      words[row * 2 + 1] = value >> 64n;
    },
    take(rows) {
      words = withRoom(words, rows * 2, make);
      const data = new Uint32Array(words.buffer, 0, rows * 4);
      return makeData({ type, length: rows, ...valid.take(rows), data });
    },
  };
}

// ---------------------------------------------------------------- nested

export function structColumn<T>(fields: readonly StructField<T>[]): Column<T> {
  const valid = openValidity();
  const type = new Struct(fields.map((member) => member.field));
  return {
    type,
    set(row, value) {
      valid.set(row);
      for (const member of fields) member.set(row, value);
    },
    take(rows) {
      const children = fields.map((member) => member.take(rows));
      return makeData({ type, length: rows, ...valid.take(rows), children });
    },
  };
}

export function textListColumn(): Column<readonly string[]> {
  const valid = openValidity();
  const offsets = openOffsets();
  const element = textColumn();
  const type = new List(new Field("element", element.type, true));
  return {
    type,
    set(row, value) {
      let end = offsets.end();
      for (const text of value) element.set(end++, text);
      valid.set(row);
      offsets.set(row, end);
    },
    take(rows) {
      const child = element.take(offsets.end());
      return makeData({ type, length: rows, ...valid.take(rows), valueOffsets: offsets.take(rows), child });
    },
  };
}

export function textMapColumn(): Column<TextMap> {
  const valid = openValidity();
  const offsets = openOffsets();
  const entry = structColumn<readonly [string, string | null | undefined]>([
    field("key", textColumn(), ([key]) => key, { nullable: false }),
    field("value", textColumn(), ([, value]) => value),
  ]);
  const type = new Map_(new Field("key_value", entry.type as Struct, false));
  // Map_ renames its entries to "entries"; Parquet and Spark call them key_value.
  for (const entries of type.children) Object.assign(entries, { name: "key_value" });
  return {
    type,
    set(row, value) {
      let end = offsets.end();
      for (const key of Object.keys(value)) entry.set(end++, [key, value[key]]);
      valid.set(row);
      offsets.set(row, end);
    },
    take(rows) {
      const child = entry.take(offsets.end());
      return makeData({ type, length: rows, ...valid.take(rows), valueOffsets: offsets.take(rows), child });
    },
  };
}

// ---------------------------------------------------------------- buffers

interface Growable<A> {
  readonly length: number;
  set(from: A): void;
}

/** The array itself when it is long enough, else a copy of at least twice the length. */
function withRoom<A extends Growable<A>>(array: A, length: number, make: (length: number) => A): A {
  if (length <= array.length) return array;
  const larger = make(Math.max(length, array.length * 2));
  larger.set(array);
  return larger;
}

/** A bit per row, all clear at first. */
function openValidity() {
  let bits = new Uint8Array(64);
  let count = 0;
  const make = (length: number) => new Uint8Array(length);
  return {
    set(row: number): void {
      const at = row >> 3;
      if (at >= bits.length) bits = withRoom(bits, at + 1, make);
      bits[at] = (bits[at] ?? 0) | (1 << (row & 7));
      count += 1;
    },
    take(rows: number): { nullBitmap: Uint8Array<ArrayBuffer>; nullCount: number } {
      bits = withRoom(bits, (rows + 7) >> 3, make);
      const taken = { nullBitmap: bits.slice(0, (rows + 7) >> 3), nullCount: rows - count };
      bits.fill(0);
      count = 0;
      return taken;
    },
  };
}

/** Where each row ends in a buffer of items. Rows that are never set are empty. */
function openOffsets() {
  let offsets = new Int32Array(64);
  let filled = 1;
  let end = 0;
  const fillTo = (length: number) => {
    offsets = withRoom(offsets, length, (n) => new Int32Array(n));
    if (filled < length) offsets.fill(end, filled, length);
    filled = length;
  };
  return {
    end: (): number => end,
    set(row: number, newEnd: number): void {
      fillTo(row + 1);
      end = newEnd;
      fillTo(row + 2);
    },
    take(rows: number): Int32Array {
      fillTo(rows + 1);
      filled = 1;
      end = 0;
      return offsets.subarray(0, rows + 1);
    },
  };
}
