/** From the bytes of a log file in JSON lines to actions: read whole, or refused whole with file and line. */

import { TextDecoder } from "node:util";
import type { CommitActions } from "../delta/actions.ts";
import { ActionCollector } from "../delta/decode.ts";
import { type Json, type JsonObject, parseJson } from "../delta/values/json.ts";
import { corrupt, errorText, isLakeError } from "../errors.ts";
import { lineActions } from "./log-line.ts";

export interface LogAction {
  /** One member: the action's name, and what it is. */
  readonly action: JsonObject;
  /** `<file>:<line>`. */
  readonly at: string;
}

const NEWLINE = 10;
/** One action of a table with ten thousand columns has some megabytes. */
const MAX_LINE_BYTES = 32 * 2 ** 20;
/** One action has some dozen values; its texts, such as statistics, may be as long as they like. */
const MAX_VALUES = 100_000;
/** Shorter lines are not counted: they cannot hold enough to matter. */
const COUNTED_BYTES = 2 ** 18;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * The actions of a file, line by line. Blank lines, `\r\n` and a byte order mark are tolerated; nothing else is, since a
 * reader that guesses (at a record over several lines, at text behind an object) may guess another table.
 * @throws LakeError corrupt: MALFORMED_JSON, MALFORMED_ACTION
 */
export function* readActions(bytes: Uint8Array, name: string): Generator<LogAction> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let start = BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte) ? BYTE_ORDER_MARK.length : 0;
  for (let line = 1; start < bytes.length; line += 1) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const at = `${name}:${line}`;
    const value = parseLine(decoder, bytes.subarray(start, end), name, line);
    const actions = value === undefined ? [] : storedAction(at, () => lineActions(value, at));
    for (const action of actions) yield { action, at };
    start = end + 1;
  }
}

function parseLine(decoder: TextDecoder, bytes: Uint8Array, name: string, line: number): Json | undefined {
  const tooLarge = (what: string) =>
    corrupt(`${name}, line ${line} has ${what}`, { code: "LOG_TOO_LARGE", at: `${name}:${line}` });
  if (bytes.length > MAX_LINE_BYTES) {
    throw tooLarge(`${bytes.length} bytes; an action has at most ${MAX_LINE_BYTES}`);
  }
  if (bytes.length > COUNTED_BYTES && countCommas(bytes) > MAX_VALUES) {
    throw tooLarge(`more than ${MAX_VALUES} values: no action of the Delta protocol has`);
  }
  try {
    const text = decoder.decode(bytes);
    return text.trim() === "" ? undefined : parseJson(text);
  } catch (error) {
    throw corrupt(`${name}, line ${line} is not JSON: ${errorText(error)}`, {
      code: "MALFORMED_JSON",
      at: `${name}:${line}`,
      hint: "A log file holds one JSON object a line. Restore the file, or import another copy of the table.",
      cause: error,
    });
  }
}

/** Outside of texts. Objects with millions of members take JavaScript a minute to make. */
function countCommas(bytes: Uint8Array): number {
  let commas = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (byte === COMMA) commas += 1;
    if (byte !== QUOTE) continue;
    for (i += 1; i < bytes.length && bytes[i] !== QUOTE; i += 1) if (bytes[i] === BACKSLASH) i += 1;
  }
  return commas;
}

/**
 * The actions of a commit file.
 * @param name the file's name, for messages
 * @throws LakeError corrupt: MALFORMED_JSON, or MALFORMED_ACTION with file, line and field
 */
export function parseCommit(bytes: Uint8Array, name: string): CommitActions {
  const collector = new ActionCollector({ strict: false });
  for (const { action, at } of readActions(bytes, name)) {
    storedAction(at, () => collector.collect(action, at));
  }
  return collector.actions();
}

/** Runs a decoder on stored data, where a wrong value is no request to be corrected but a broken log. */
export function storedAction<T>(at: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!isLakeError(error, "invalid")) throw error;
    throw corrupt(`${at}: ${error.message}`, { code: "MALFORMED_ACTION", at: error.at ?? at, cause: error });
  }
}
