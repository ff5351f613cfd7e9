/** From bytes to JSON with errors that a person can act on: where the text stops being JSON, by line and column. */

import { type Json, parseJson } from "../delta/json.ts";
import { invalid, type LakeError } from "../errors.ts";

/** Deeper nesting is refused: no Delta action needs it, and recursive code would run out of stack. */
const MAX_DEPTH = 256;

/**
 * Parses UTF-8 JSON without loss of digits.
 * @throws LakeError invalid MALFORMED_JSON, with `line` and `column` (both from 1) in its facts
 */
export function readJsonText(bytes: Uint8Array): Json {
  checkDepth(bytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid("the text is not UTF-8", { code: "MALFORMED_JSON", cause: error });
  }
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw malformed(text, error);
  }
}

function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > MAX_DEPTH) {
        throw invalid(`the JSON is nested deeper than ${MAX_DEPTH} levels`, { code: "MALFORMED_JSON" });
      }
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
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

interface Fault {
  readonly offset: number;
  readonly wanted: string;
}

class Stop extends Error {
  readonly fault: Fault;
  constructor(offset: number, wanted: string) {
    super(wanted);
    this.fault = { offset, wanted };
  }
}

/** Walks the text by the grammar of RFC 8259 to where it is broken. V8 tells that place only in the words of its message. */
export function firstFault(text: string): Fault {
  try {
    const end = skipSpace(text, skipValue(text, skipSpace(text, 0)));
    return { offset: end, wanted: "the end" };
  } catch (stop) {
    if (stop instanceof Stop) return stop.fault;
    throw stop;
  }
}

const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids raw control characters in strings
const STRING_RUN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SPACE = /[ \t\n\r]*/y;

function match(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

function skipSpace(text: string, at: number): number {
  return match(SPACE, text, at) ?? at;
}

function skipValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return skipString(text, at);
  if (first === "[") return skipItems(text, at, "]", skipValue);
  if (first === "{") return skipItems(text, at, "}", skipMember);
  const end = match(SCALAR, text, at);
  if (end === undefined) throw new Stop(at, "a value");
  return end;
}

function skipString(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    at = match(STRING_RUN, text, at) ?? at;
    if (text[at] === '"') return at + 1;
    const end = match(ESCAPE, text, at);
    if (end === undefined) throw new Stop(at, text[at] === "\\" ? "an escape of JSON" : "the rest of a string");
    at = end;
  }
}

function skipItems(text: string, start: number, close: string, skip: (text: string, at: number) => number): number {
  let at = skipSpace(text, start + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    at = skipSpace(text, skip(text, at));
    if (text[at] === close) return at + 1;
    if (text[at] !== ",") throw new Stop(at, `"," or "${close}"`);
    at = skipSpace(text, at + 1);
  }
}

function skipMember(text: string, at: number): number {
  if (text[at] !== '"') throw new Stop(at, "a name in double quotes");
  const colon = skipSpace(text, skipString(text, at));
  if (text[colon] !== ":") throw new Stop(colon, '":"');
  return skipValue(text, skipSpace(text, colon + 1));
}
