/**
 * Statements as texts with their values in them. MySQL's binary protocol takes numbers as doubles and a second call for each new
 * text; in a text integers have all their digits, and many statements go in one call.
 */

import { type Sql, type SqlValue, untyped } from "../../database.ts";

/** The session has NO_BACKSLASH_ESCAPES: nothing but a quote ends a text. */
export function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function literal(value: SqlValue): string {
  const plain = untyped(value);
  if (plain === null) return "null";
  if (typeof plain === "string") return quotedText(plain);
  if (typeof plain === "boolean") return plain ? "1" : "0";
  if (typeof plain === "number" && !Number.isFinite(plain)) throw new RangeError(`${plain} is no value of SQL`);
  return String(plain);
}

export function textOf({ strings, values }: Sql): string {
  return assembled(strings, values as readonly SqlValue[]);
}

/** Texts of at most so many characters, or of one statement: a statement for each row, one after the other. */
export function* textsOf(
  { strings }: Sql,
  rows: readonly (readonly SqlValue[])[],
  maxCharacters: number,
): Generator<string> {
  let texts: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const one = assembled(strings, row);
    if (texts.length > 0 && characters + one.length > maxCharacters) {
      yield texts.join(";");
      texts = [];
      characters = 0;
    }
    texts.push(one);
    characters += one.length + 1;
  }
  if (texts.length > 0) yield texts.join(";");
}

function assembled(strings: readonly string[], values: readonly SqlValue[]): string {
  let text = strings[0] ?? "";
  for (const [i, value] of values.entries()) text += literal(value) + (strings[i + 1] ?? "");
  return text;
}
