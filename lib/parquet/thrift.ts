/**
 * Thrift's compact protocol, read into a tree and written from it: enough to rewrite a Parquet footer without loss, as
 * fields that are not looked at go through unchanged (https://github.com/apache/thrift, doc/specs/thrift-compact-protocol.md).
 */

import { corrupt } from "../errors.ts";

/** Type codes of the protocol. A boolean member of a struct has its value in its type. */
export const THRIFT = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
} as const;

/** Members by field id. */
export type ThriftStruct = Map<number, { readonly type: number; readonly value: ThriftValue }>;
export interface ThriftList {
  readonly type: number;
  readonly items: ThriftValue[];
}
/** `double` and `binary` are raw bytes; a struct may be given as bytes, too: those of {@link encodeThrift}. */
export type ThriftValue = boolean | number | Uint8Array | ThriftList | ThriftStruct;

/** @throws LakeError corrupt */
export function decodeThrift(bytes: Uint8Array): ThriftStruct {
  return decodeThriftAt(bytes, 0).struct;
}

/**
 * The struct that begins at some byte, and where it ends.
 * @throws LakeError corrupt
 */
export function decodeThriftAt(
  bytes: Uint8Array,
  from: number,
): { readonly struct: ThriftStruct; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = from;
  const byte = (): number => {
    if (at >= bytes.length) throw corrupt("the Parquet footer ends in the middle of a value");
    return view.getUint8(at++);
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw corrupt("the Parquet footer ends in the middle of a value");
    at += length;
    return bytes.subarray(at - length, at);
  };
  /** Seven bits a byte, lowest first. Factors instead of shifts: offsets pass 32 bits. */
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; value <= Number.MAX_SAFE_INTEGER; factor *= 128) {
      const next = byte();
      value += (next & 0x7f) * factor;
      if (next < 0x80 && value <= Number.MAX_SAFE_INTEGER) return value;
      if (factor > Number.MAX_SAFE_INTEGER) break;
    }
    throw corrupt("a number in the Parquet footer is beyond 2^53");
  };
  const zigzag = (): number => {
    const value = varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  const readList = (): ThriftList => {
    const head = byte();
    const size = head >> 4 === 15 ? varint() : head >> 4;
    const type = head & 15;
    // Each item has a byte at least.
    if (size > bytes.length - at) throw corrupt("the Parquet footer ends in the middle of a value");
    return {
      type,
      items: Array.from({ length: size }, () =>
        readValue(type === THRIFT.true || type === THRIFT.false ? byte() : type),
      ),
    };
  };
  const readStruct = (): ThriftStruct => {
    const struct: ThriftStruct = new Map();
    for (let id = 0; ; ) {
      const head = byte();
      if (head === 0) return struct;
      // The high half is the step from the last id; 0 means that the id follows in full.
      id = head >> 4 === 0 ? zigzag() : id + (head >> 4);
      struct.set(id, { type: head & 15, value: readValue(head & 15) });
    }
  };
  const readValue = (type: number): ThriftValue => {
    if (type === THRIFT.true || type === THRIFT.false) return type === THRIFT.true;
    if (type === THRIFT.byte) return byte();
    if (type === THRIFT.i16 || type === THRIFT.i32 || type === THRIFT.i64) return zigzag();
    if (type === THRIFT.double) return take(8);
    if (type === THRIFT.binary) return take(varint());
    if (type === THRIFT.list || type === THRIFT.set) return readList();
    if (type === THRIFT.struct) return readStruct();
    throw corrupt(`the Parquet footer has a value of Thrift type ${type}, which Parquet does not use`);
  };
  return { struct: readStruct(), end: at };
}

export function encodeThrift(struct: ThriftStruct): Uint8Array {
  let out = new Uint8Array(1024);
  let end = 0;
  const put = (bytes: Uint8Array | readonly number[]): void => {
    if (end + bytes.length > out.length) {
      const larger = new Uint8Array(Math.max(out.length * 2, end + bytes.length));
      larger.set(out);
      out = larger;
    }
    out.set(bytes, end);
    end += bytes.length;
  };
  const varint = (value: number): void => {
    const bytes: number[] = [];
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
    put([...bytes, value]);
  };
  const zigzag = (value: number): void => varint(value < 0 ? -value * 2 - 1 : value * 2);
  const writeList = ({ type, items }: ThriftList): void => {
    if (items.length < 15) put([(items.length << 4) | type]);
    else {
      put([0xf0 | type]);
      varint(items.length);
    }
    for (const item of items) {
      if (typeof item === "boolean") put([item ? THRIFT.true : THRIFT.false]);
      else writeValue(type, item);
    }
  };
  const writeStruct = (members: ThriftStruct): void => {
    let last = 0;
    for (const [id, { type, value }] of [...members].sort(([a], [b]) => a - b)) {
      const code = typeof value === "boolean" ? (value ? THRIFT.true : THRIFT.false) : type;
      const step = id - last;
      if (step > 0 && step < 16) put([(step << 4) | code]);
      else {
        put([code]);
        zigzag(id);
      }
      if (typeof value !== "boolean") writeValue(type, value);
      last = id;
    }
    put([0]);
  };
  const writeValue = (type: number, value: ThriftValue): void => {
    if (typeof value === "number") type === THRIFT.byte ? put([value]) : zigzag(value);
    else if (value instanceof Uint8Array) {
      if (type === THRIFT.binary) varint(value.length);
      put(value);
    } else if (value instanceof Map) writeStruct(value);
    else if (typeof value === "object") writeList(value);
  };
  writeStruct(struct);
  return out.slice(0, end);
}
