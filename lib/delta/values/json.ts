/** JSON without loss: what is parsed and written again has the same numbers, digit for digit. */

import { type Int64, int64 } from "./int64.ts";

/** A number whose source text JavaScript would not write back (`1.0`, `1e3`, 30 digits): kept as `JSON.rawJSON` of that text. */
export interface RawNumber {
  readonly rawJSON: string;
}
export type Json = null | boolean | string | Int64 | RawNumber | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}
// Node 24 has source text access (TC39 proposal-json-parse-with-source); TypeScript's library does not declare it yet.
const exact = JSON as unknown as ExactJson;

/** Digits that may not survive a double: 16 or more in a row, a fraction, an exponent, or minus zero. */
const RISKY_NUMBER = /\d{16}|\d[.eE]|-0/;

/**
 * Parses JSON; integers beyond 2^53 become `bigint`, other numbers that a double would not write back become {@link RawNumber}.
 * @throws SyntaxError as `JSON.parse` does
 */
export function parseJson(text: string): Json {
  // First as it is: only in what is known to be JSON do strings end, so that looking for numbers takes linear time.
  const value = JSON.parse(text) as Json;
  // A reviver makes parsing some five times slower, and most risky digits are in strings: paths, statistics.
  if (!RISKY_NUMBER.test(text) || everyNumberFits(text)) return value;
  return exact.parse(text, (_key, value, context) =>
    typeof value === "number" ? exactNumber(value, context.source ?? String(value)) : value,
  ) as Json;
}

/** Of what is known to be JSON. By hand, as statistics of every file come by here: a regular expression takes five times as long. */
function everyNumberFits(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === MINUS || isDigit(code)) {
      const start = i;
      while (isOfNumber(text.charCodeAt(i + 1))) i += 1;
      const token = text.slice(start, i + 1);
      if (!fitsDouble(Number(token), token)) return false;
    }
  }
  return true;
}

const [QUOTE, BACKSLASH, MINUS] = [0x22, 0x5c, 0x2d];

/** @param start of its first quotation mark. @returns the place of its last one */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A digit, a sign, a point, `e` or `E`. */
function isOfNumber(code: number): boolean {
  return isDigit(code) || code === MINUS || code === 0x2b || code === 0x2e || code === 0x65 || code === 0x45;
}

/** True when a double holds the number, and JavaScript writes it back as it was. */
function fitsDouble(value: number, source: string): boolean {
  return String(value) === source && (Number.isSafeInteger(value) || !Number.isInteger(value));
}

function exactNumber(value: number, source: string): number | bigint | RawNumber {
  if (fitsDouble(value, source)) return value;
  if (/^-?(0|[1-9]\d{0,18})$/.test(source) && source !== "-0") {
    const big = BigInt(source);
    if (big < 2n ** 63n && big >= -(2n ** 63n)) return int64(big);
  }
  return exact.rawJSON(source);
}

/** Writes JSON on one line; the inverse of {@link parseJson}. Undefined members are left out. */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // Bigints are rare, and a replacer is called for every value: only the text that needs one pays for it.
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? exact.rawJSON(item.toString()) : item));
  }
}

/** JSON with the keys of every object sorted: one text for equal values, to hash or to compare. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item) => {
    if (typeof item === "bigint") return exact.rawJSON(item.toString());
    if (!isJsonObject(item) || isSorted(Object.keys(item))) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function isSorted(keys: readonly string[]): boolean {
  return keys.every((key, i) => i === 0 || (keys[i - 1] as string) < key);
}

export function isRawNumber(value: unknown): value is RawNumber {
  return exact.isRawJSON(value);
}

/** True for a plain JSON object: not null, not an array, not a {@link RawNumber}. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !exact.isRawJSON(value);
}

/** Escapes a key for a JSON pointer (RFC 6901, section 3). */
export function pointerToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
