/** What the annotations of a leaf say about its stored values: both the old ones (converted types) and the new (logical types). */

import type { SchemaElement } from "hyparquet";

/** True when byte arrays are texts; the reader hands texts without annotation on as bytes. */
export function isText({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === "UTF8" || converted_type === "ENUM" || logical_type?.type === "STRING";
}

/** Digits behind the point; undefined for what is no decimal. */
export function decimalScale({ converted_type, logical_type, scale }: SchemaElement): number | undefined {
  if (logical_type?.type === "DECIMAL") return logical_type.scale;
  return converted_type === "DECIMAL" ? (scale ?? 0) : undefined;
}

/** The integer that a decimal is stored as, whatever its physical type. */
export function unscaledDecimal(value: unknown): bigint {
  return value instanceof Uint8Array ? bigEndian(value) : BigInt(value as number | bigint);
}

/** A two's complement integer, highest byte first. */
function bigEndian(bytes: Uint8Array): bigint {
  const unsigned = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return BigInt.asIntN(Math.max(bytes.length, 1) * 8, unsigned);
}

export function isDate({ converted_type, logical_type }: SchemaElement): boolean {
  return converted_type === "DATE" || logical_type?.type === "DATE";
}

/** How many stored units make a millisecond; undefined for what is no time. */
export function unitsPerMillisecond({ type, converted_type, logical_type }: SchemaElement): bigint | undefined {
  if (type === "INT96") return 1_000_000n;
  if (logical_type?.type === "TIMESTAMP") return { MILLIS: 1n, MICROS: 1000n, NANOS: 1_000_000n }[logical_type.unit];
  if (converted_type === "TIMESTAMP_MILLIS") return 1n;
  return converted_type === "TIMESTAMP_MICROS" ? 1000n : undefined;
}

/** False for times that know no zone. */
export function isInstant({ logical_type }: SchemaElement): boolean {
  return logical_type?.type !== "TIMESTAMP" || logical_type.isAdjustedToUTC;
}
