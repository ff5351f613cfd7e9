/** 64-bit integers without loss. One normal form, so that `===` compares: a safe integer is a number, any other a bigint. */

import { invalid } from "../../errors.ts";

/** A 64-bit signed integer: a `number` when |n| ≤ 2^53−1, else a `bigint`. Never mix forms: build through {@link int64}. */
export type Int64 = number | bigint;

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

/**
 * The normal form of an integer.
 * @throws LakeError invalid when the value is not an integer of 64 bits
 */
export function int64(value: number | bigint | string): Int64 {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  // BigInt() also takes "", " 7 " and "0x7".
  const isInteger =
    typeof value === "string" ? /^-?\d+$/.test(value) : typeof value === "bigint" || Number.isInteger(value);
  if (!isInteger) throw invalid(`"${value}" is not a 64-bit integer`);
  const big = BigInt(value);
  if (big > MAX || big < MIN) throw invalid(`${value} does not fit into 64 bits`);
  const small = Number(big);
  return Number.isSafeInteger(small) ? small : big;
}

/** a + b, exactly. */
export function addInt64(a: Int64, b: Int64): Int64 {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return int64(BigInt(a) + BigInt(b));
}

/** True for a value in the normal form of {@link Int64}. */
export function isInt64(value: unknown): value is Int64 {
  if (typeof value === "number") return Number.isSafeInteger(value);
  return typeof value === "bigint" && value <= MAX && value >= MIN && !Number.isSafeInteger(Number(value));
}
