/** Which types may become which (PROTOCOL.md, "Type Widening"). Pure. */

import { isJsonObject, type Json } from "../values/json.ts";

const INTEGER_DIGITS: Readonly<Record<string, number>> = { byte: 3, short: 5, integer: 10, long: 20 };
const INTEGERS = Object.keys(INTEGER_DIGITS);

function decimal(type: string): { readonly precision: number; readonly scale: number } | undefined {
  const match = /^decimal\((\d{1,2}),(\d{1,2})\)$/.exec(type);
  return match ? { precision: Number(match[1]), scale: Number(match[2]) } : undefined;
}

/** True when every value of the first type is one of the second, and readers of type widening know the pair. */
export function isWidening(from: string, to: string): boolean {
  const [low, high] = [INTEGERS.indexOf(from), INTEGERS.indexOf(to)];
  if (low >= 0 && high >= 0) return low < high;
  if (to === "double") return from === "float" || (low >= 0 && from !== "long");
  if (from === "date") return to === "timestamp_ntz";
  const wide = decimal(to);
  if (wide === undefined) return false;
  if (low >= 0) return wide.precision - wide.scale >= Math.max(10, INTEGER_DIGITS[from] ?? 0);
  const narrow = decimal(from);
  if (narrow === undefined) return false;
  const scaleGrows = wide.scale - narrow.scale;
  return scaleGrows >= 0 && wide.precision - narrow.precision >= scaleGrows && to !== from;
}

/** True when the metadata of a column record this change, as writers must (`delta.typeChanges`). */
export function recordsTypeChange(metadata: Json | undefined, from: string, to: string, fieldPath: string): boolean {
  const changes = isJsonObject(metadata) ? metadata["delta.typeChanges"] : undefined;
  if (!Array.isArray(changes)) return false;
  return changes.some(
    (change: Json) =>
      isJsonObject(change) &&
      change.fromType === from &&
      change.toType === to &&
      (change.fieldPath ?? "") === fieldPath,
  );
}
