/** From bytes to JSON: exact, bounded, each name once; with errors that a person can act on. */

import { isRawNumber, type Json, parseJson } from "../delta/values/json.ts";
import { invalid, type LakeError } from "../errors.ts";
import { firstDuplicate, firstFault } from "./json-walk.ts";

/** What one text may hold. Checked before anything is made of it, so that no text costs more than its bytes. */
export const JSON_LIMITS = {
  /** No Delta action needs more levels, and recursive code would run out of stack. */
  depth: 256,
  /** Values in all: 100,000 actions of some forty values each. */
  values: 4_000_000,
  /** Members of one object. */
  members: 10_000,
} as const;

/**
 * Parses UTF-8 JSON without loss of digits, in time linear in its length.
 * @throws LakeError invalid MALFORMED_JSON, with `line` and `column` (both from 1) in its facts; DUPLICATE_NAME, with the
 * pointer of the second; JSON_TOO_LARGE
 */
export function readJsonText(bytes: Uint8Array): Json {
  const { names, numbers } = survey(bytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid("the text is not UTF-8", { code: "MALFORMED_JSON", cause: error });
  }
  const value = parsed(text, numbers);
  // Of two members with one name a parser keeps the last, so the value has fewer than the text.
  if (countMembers(value) !== names) throw duplicate(text);
  return value;
}

function parsed(text: string, numbers: Survey["numbers"]): Json {
  try {
    return numbers === "plain" ? JSON.parse(text) : parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw malformed(text, error);
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const SPACE = 0x20;
const PLAIN_DIGITS = 15;

interface Survey {
  /** How many names the text has. */
  readonly names: number;
  /** `plain` when no number has a fraction, an exponent or 16 digits: a double holds each. */
  readonly numbers: "plain" | "any";
}

/** One pass over the bytes, before anything is made of them. @throws LakeError invalid, beyond a limit */
function survey(bytes: Uint8Array): Survey {
  const members = new Int32Array(JSON_LIMITS.depth + 1);
  let [depth, names, values, digits, plain] = [0, 0, 1, 0, true];
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] as number;
    if (byte === QUOTE) i = endOfString(bytes, i);
    else if (byte >= ZERO && byte <= NINE) {
      digits += 1;
      if (digits > PLAIN_DIGITS) plain = false;
      continue;
    } else if (byte === COLON) {
      names += 1;
      const count = (members[depth] ?? 0) + 1;
      members[depth] = count;
      if (count > JSON_LIMITS.members) throw tooLarge(`an object has more than ${JSON_LIMITS.members} members`);
    } else if (byte === COMMA || byte === 0x5b || byte === 0x7b) {
      values += 1;
      if (values > JSON_LIMITS.values) throw tooLarge(`the JSON has more than ${JSON_LIMITS.values} values`);
      if (byte !== COMMA) {
        depth += 1;
        if (depth > JSON_LIMITS.depth) throw tooDeep();
        members[depth] = 0;
      }
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    // A sign counts for minus zero; a fraction or an exponent for what a double may not write back.
    else if (byte === MINUS || (digits > 0 && byte > SPACE)) plain = false;
    digits = 0;
  }
  return { names, numbers: plain ? "plain" : "any" };
}

function tooDeep(): LakeError {
  return invalid(`the JSON is nested deeper than ${JSON_LIMITS.depth} levels`, { code: "MALFORMED_JSON" });
}

function endOfString(bytes: Uint8Array, start: number): number {
  let i = start + 1;
  for (; i < bytes.length && bytes[i] !== QUOTE; i += 1) if (bytes[i] === BACKSLASH) i += 1;
  return i;
}

function tooLarge(message: string): LakeError {
  return invalid(message, { code: "JSON_TOO_LARGE", hint: "Split the request into several." });
}

/** The members of all objects in a value. */
function countMembers(value: Json | undefined): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) count += countMembers(item);
  } else if (!isRawNumber(value)) {
    const object = value as { readonly [name: string]: Json | undefined };
    for (const name in object) count += 1 + countMembers(object[name]);
  }
  return count;
}

function duplicate(text: string): LakeError {
  const at = firstDuplicate(text) ?? "";
  return invalid("a member has the same name as another of its object", {
    code: "DUPLICATE_NAME",
    at,
    hint: "Give each name once: readers of JSON differ in which of two they take.",
  });
}

function malformed(text: string, cause: SyntaxError): LakeError {
  const { offset, wanted } = firstFault(text);
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  const column = offset - before.lastIndexOf("\n");
  const found = offset >= text.length ? "the text ends" : `there is ${JSON.stringify(text.slice(offset, offset + 1))}`;
  return invalid(`the text is not JSON: at line ${line}, column ${column}, ${found} where ${wanted} should be`, {
    code: "MALFORMED_JSON",
    facts: { line, column },
    cause,
  });
}
