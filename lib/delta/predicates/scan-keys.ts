/**
 * Values as integers that an index can hold: a greater value has no smaller key. Keys may say that two values are the same which are
 * not, so what is found by keys is judged again. Intervals of keys are found by an interval tree that exists only as numbers
 * (Kriegel, Pötke, Seidl: "Managing Intervals Efficiently in Object-Relational Databases", 2000).
 */

import type { Instant } from "../values/calendar.ts";
import { type Decimal, decimalText } from "../values/numbers.ts";
import { isDecimalType, type ValueType } from "../values/value-types.ts";
import type { Span } from "./column-tests.ts";
import type { OpenedFile, ScanColumn } from "./scan-column.ts";

/** From 1, so that no interval ends below the least node. */
export const LEAST_KEY = 1n;
export const GREATEST_KEY = 2n ** 63n - 1n;

/** Of an index that has come to the end of a version: no file of it has a place above. */
export const LAST_ORD = 2 ** 31 - 1;

/** Keys from `low` to `high`, both included. */
export interface KeyRange {
  readonly low: bigint;
  readonly high: bigint;
}

/**
 * How values of a column become keys: `number`, `date`, `time`, or `text:` and what most values begin with. A column whose
 * type was widened keeps its keys as long as this stays the same.
 */
export type KeyForm = string;

/** undefined for types without an order that all readers share. */
export function keyFormOf({ name, compare }: ValueType): "number" | "date" | "time" | "text" | undefined {
  if (/^(byte|short|integer|long|float|double|boolean|decimal\(.*\))$/.test(name)) return "number";
  if (name === "date") return "date";
  if (name.startsWith("timestamp")) return "time";
  if (/^(string$|varchar)/.test(name)) return compare("a", "b") === undefined ? undefined : "text";
  return undefined;
}

/** True when keys of this form are those of the type. */
export function fitsForm(form: KeyForm, type: ValueType): boolean {
  return form.replace(/:.*$/s, "") === keyFormOf(type);
}

/** undefined where the order of keys would not be that of the values. */
function keyOf(value: unknown, form: KeyForm, type: ValueType): bigint | undefined {
  if (form.startsWith("text:")) return textKey(value as string, form.slice("text:".length));
  if (form === "time") return numberKey(Number((value as Instant).micros));
  if (isDecimalType(type)) return numberKey(decimalNumber(value as Decimal));
  return numberKey(Number(value));
}

/** The nearest double, by one rounding: so a greater decimal has no smaller one. */
function decimalNumber({ digits, scale }: Decimal): number {
  return Number(scale >= 0 ? decimalText(digits, scale) : digits * 10n ** BigInt(-scale));
}

const bytes = new DataView(new ArrayBuffer(8));

/** The bits of a double as an integer of 63 bits in the order of numbers; NaN is above all. */
function numberKey(value: number): bigint {
  if (Number.isNaN(value)) return GREATEST_KEY;
  bytes.setFloat64(0, value === 0 ? 0 : value);
  const bits = bytes.getBigUint64(0);
  const ordered = bits >> 63n === 1n ? ~bits & 0xffff_ffff_ffff_ffffn : bits | 0x8000_0000_0000_0000n;
  return within(ordered >> 1n);
}

/** By the first bytes behind the prefix; all texts below those that begin with it have one key, and all above. */
function textKey(value: string, prefix: string): bigint | undefined {
  // Half a character has no bytes.
  if (!value.isWellFormed()) return undefined;
  const all = Buffer.from(value);
  const start = Buffer.from(prefix);
  const head = all.subarray(0, start.length);
  const order = Buffer.compare(head, start);
  if (order < 0) return LEAST_KEY;
  if (order > 0) return GREATEST_KEY;
  const rest = Buffer.alloc(8);
  all.copy(rest, 0, start.length, start.length + 8);
  return within((rest.readBigUInt64BE() >> 2n) + 2n);
}

function within(key: bigint): bigint {
  return key < LEAST_KEY ? LEAST_KEY : key > GREATEST_KEY ? GREATEST_KEY : key;
}

/** How far a time without a zone may be from where it seems to be, in microseconds. */
const ZONE_MICROS = 18n * 3_600_000_000n;

/** All keys of the values of a span. */
function rangeOf({ low, high }: Span, form: KeyForm, type: ValueType): KeyRange {
  const least = low === undefined ? undefined : keyOf(shifted(low, -ZONE_MICROS, type), form, type);
  const most = high === undefined ? undefined : keyOf(shifted(high, ZONE_MICROS, type), form, type);
  return { low: least ?? LEAST_KEY, high: most ?? GREATEST_KEY };
}

function shifted(value: unknown, by: bigint, type: ValueType): unknown {
  if (type.name !== "timestamp") return value;
  const { micros, zoned } = value as Instant;
  return zoned ? value : { micros: micros + by, zoned };
}

/** What a file says of a column, as one range of keys that holds all its values but null; undefined where it has no other. */
export function rangeOfFile(
  file: OpenedFile,
  { parts, type, mayBeNaN }: ScanColumn,
  form: KeyForm,
): KeyRange | undefined {
  let range: KeyRange | undefined;
  for (const part of parts(file)) {
    if (part.kind === "any") return { low: LEAST_KEY, high: GREATEST_KEY };
    if (part.kind === "value" && part.value === null) continue;
    // Asked for alone: what is looked for among the numbers is found among their bounds.
    if (part.kind === "value" && mayBeNaN && Number.isNaN(part.value)) continue;
    const span = part.kind === "value" ? { low: part.value, high: part.value } : part.span;
    const next = rangeOf(span, form, type);
    range = range === undefined ? next : { low: min(range.low, next.low), high: max(range.high, next.high) };
  }
  return range;
}

/** Ranges that are looked up one by one; of more, the one that holds them all is. */
const MAX_RANGES = 40;

/** Where to look for files with a value in one of the spans; undefined where the index cannot tell. */
export function rangesOfSpans(
  spans: readonly Span[],
  { type, mayBeNaN }: ScanColumn,
  form: KeyForm,
): readonly KeyRange[] | undefined {
  const isNaNIn = ({ high }: Span) => high === undefined || Number.isNaN(high);
  if (mayBeNaN && spans.some(isNaNIn)) return undefined;
  const sorted = spans
    .map((span) => rangeOf(span, form, type))
    .sort((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0));
  const merged: KeyRange[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last === undefined || range.low > last.high) merged.push(range);
    else merged[merged.length - 1] = { low: last.low, high: max(last.high, range.high) };
  }
  if (merged.length <= MAX_RANGES) return merged;
  return [{ low: (merged[0] as KeyRange).low, high: (merged.at(-1) as KeyRange).high }];
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** The node of the tree that an interval belongs to: of its keys the one with most zeros at its end. */
export function nodeOf({ low, high }: KeyRange): bigint {
  const differing = BigInt(((low - 1n) ^ high).toString(2).length - 1);
  return (high >> differing) << differing;
}

/** The nodes on the way from the root to a key that are below it, and those that are above. */
export function nodesAbout(key: bigint): { readonly below: readonly bigint[]; readonly above: readonly bigint[] } {
  const below: bigint[] = [];
  const above: bigint[] = [];
  for (let level = 62n; level >= 0n; level -= 1n) {
    const node = ((key >> (level + 1n)) << (level + 1n)) | (1n << level);
    if (node === key) break;
    (node < key ? below : above).push(node);
  }
  return { below, above };
}

/** What all of these texts begin with: where their keys should begin. Half characters are left out. */
export function commonPrefix(texts: readonly string[]): string {
  const [first = "", ...rest] = texts;
  let length = first.length;
  for (const text of rest) {
    while (!text.startsWith(first.slice(0, length))) length -= 1;
  }
  const prefix = first.slice(0, length);
  return prefix.isWellFormed() ? prefix : prefix.slice(0, -1);
}
