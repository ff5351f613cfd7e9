/**
 * The condition of `--where`, as people write it, and the predicate that it stands for. A small part of SQL:
 *
 *     day = 2026-01-31 and (id between 5 and 9 or not city in ('Bern', 'New York')) and name like 'A%' and note is not null
 *
 * A value that is one word needs no quotes; names of columns may be in double quotes or backquotes. Types are the columns' own.
 */

import type { Json, JsonObject } from "../delta/values/json.ts";
import { foundAt, isLakeError } from "../errors.ts";
import { UsageError } from "./failure.ts";

/** A predicate, and how to say where in the text something is wrong with it. */
export interface Where {
  readonly predicate: Json;
  /** The error with its pointer as a place in the text; any other as it is. @param at the pointer of the predicate */
  explain(error: unknown, at: string): unknown;
}

interface Token {
  readonly kind: "word" | "text" | "name" | "sign" | "end";
  readonly text: string;
  /** From 0, in UTF-16 units. */
  readonly at: number;
}

const QUOTED = /"(?:[^"]|"")*"|`[^`]*`/g;
/** A name may be a path of names, of which the first is in quotes. */
const TOKEN =
  /\s*(?:(?<text>'(?:[^']|'')*')|(?<name>(?:"(?:[^"]|"")*"|`[^`]*`)(?:\.(?:"(?:[^"]|"")*"|`[^`]*`|[^\s.'"`=<>!(),]+))*)|(?<sign><=|>=|<>|!=|==|[=<>(),])|(?<word>[^\s'"`=<>!(),]+)|(?<other>\S))/y;
const SIGNS: Readonly<Record<string, string>> = { "==": "=", "!=": "<>" };
const COMPARISONS = ["=", "==", "<>", "!=", "<", "<=", ">", ">="];
const KEYWORDS = ["and", "or", "not", "in", "is", "null", "between", "like"];
const MAX_DEPTH = 40;

/** @throws UsageError that says what is expected at which character */
export function parseWhere(text: string): Where {
  const reader = new Reader(text);
  const predicate = reader.alternatives(0);
  reader.expectEnd();
  const explain = (error: unknown, at: string): unknown => {
    if (!isLakeError(error) || error.at === undefined || !`${error.at}/`.startsWith(`${at}/`)) return error;
    const place = reader.placeOf(predicate, error.at.slice(at.length));
    return foundAt(error, `character ${place + 1} of --where: ${shown(text, place)}`);
  };
  return { predicate, explain };
}

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [kind = "other", token = ""] =
      Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    const at = match.index + match[0].length - token.length;
    if (kind === "other")
      throw wrong(text, at, /['"`]/.test(token) ? `a closing ${token}` : "a column, a sign or a value");
    found.push({ kind: kind as Token["kind"], text: token, at });
  }
  return [...found, { kind: "end", text: "", at: text.length }];
}

function shown(text: string, at: number): string {
  const rest = text.slice(at, at + 30);
  return rest === "" ? "its end" : `${rest}${at + 30 < text.length ? "…" : ""}`;
}

function wrong(text: string, at: number, expected: string): UsageError {
  return new UsageError(`--where: expected ${expected} at character ${at + 1}: ${shown(text, at)}`);
}

/** Reads a condition by descent, one method a level of its grammar. */
class Reader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  /** Where the column and the value of each leaf are. */
  readonly #places = new Map<JsonObject, { readonly column: number; readonly values: readonly number[] }>();

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokens(text);
  }

  alternatives(depth: number): JsonObject {
    if (depth > MAX_DEPTH) throw wrong(this.#text, this.#peek().at, `no more than ${MAX_DEPTH} parentheses and nots`);
    const items = [this.#conjunction(depth)];
    while (this.#takeWord("or")) items.push(this.#conjunction(depth));
    return items.length === 1 ? (items[0] as JsonObject) : { or: items };
  }

  expectEnd(): void {
    const token = this.#peek();
    if (token.kind !== "end") throw wrong(this.#text, token.at, '"and", "or", or the end');
  }

  /** The character that a pointer below the predicate is about. */
  placeOf(predicate: JsonObject, pointer: string): number {
    let at: Json | undefined = predicate;
    let place = this.#firstPlace(predicate);
    const steps = pointer.split("/").slice(1);
    for (const [i, step] of steps.entries()) {
      const leaf = this.#places.get(at as JsonObject);
      if (leaf) {
        const [name, index = "0"] = steps.slice(i);
        return name === "value" || name === "values" ? (leaf.values[Number(index)] ?? leaf.column) : leaf.column;
      }
      at = (at as Record<string, Json>)[step];
      if (at !== null && typeof at === "object" && !Array.isArray(at))
        place = this.#firstPlace(at as JsonObject) ?? place;
    }
    return place ?? 0;
  }

  #firstPlace(predicate: JsonObject): number | undefined {
    const leaf = this.#places.get(predicate);
    if (leaf) return leaf.column;
    const [below] = Object.values(predicate);
    const first = Array.isArray(below) ? below[0] : below;
    return first !== null && typeof first === "object" ? this.#firstPlace(first as JsonObject) : undefined;
  }

  #conjunction(depth: number): JsonObject {
    const items = [this.#negation(depth)];
    while (this.#takeWord("and")) items.push(this.#negation(depth));
    return items.length === 1 ? (items[0] as JsonObject) : { and: items };
  }

  #negation(depth: number): JsonObject {
    if (this.#takeWord("not")) {
      if (depth > MAX_DEPTH) throw wrong(this.#text, this.#peek().at, `no more than ${MAX_DEPTH} parentheses and nots`);
      return { not: this.#negation(depth + 1) };
    }
    if (!this.#takeSign("(")) return this.#test();
    const inside = this.alternatives(depth + 1);
    this.#expectSign(")", '")"');
    return inside;
  }

  #test(): JsonObject {
    const token = this.#peek();
    const column = this.#column();
    const leaf = (members: Record<string, Json>, ...values: number[]): JsonObject => {
      const made = { column, ...members };
      this.#places.set(made, { column: token.at, values });
      return made;
    };
    if (this.#takeWord("is")) {
      const isNot = this.#takeWord("not");
      if (!this.#takeWord("null")) throw wrong(this.#text, this.#peek().at, isNot ? '"null"' : '"null" or "not null"');
      const isNull = leaf({ op: "isNull" });
      return isNot ? { not: isNull } : isNull;
    }
    const negated = this.#takeWord("not");
    const made = this.#takeWord("in")
      ? this.#membership(leaf)
      : this.#takeWord("between")
        ? this.#range(leaf)
        : this.#takeWord("like")
          ? this.#pattern(leaf)
          : undefined;
    if (made) return negated ? { not: made } : made;
    const sign = this.#peek();
    if (negated || sign.kind !== "sign" || !COMPARISONS.includes(sign.text)) {
      const words = '"in", "between" or "like"';
      throw wrong(
        this.#text,
        sign.at,
        negated ? words : `one of ${COMPARISONS.join(" ")}, "is", "not", ${words} after the column "${column}"`,
      );
    }
    this.#next += 1;
    const value = this.#value(sign.text);
    return leaf({ op: SIGNS[sign.text] ?? sign.text, value: value.text }, value.at);
  }

  #membership(leaf: Leaf): JsonObject {
    this.#expectSign("(", '"(" and a list of values');
    const values = [this.#value("in")];
    while (this.#takeSign(",")) values.push(this.#value("in"));
    this.#expectSign(")", '"," or ")"');
    return leaf({ op: "in", values: values.map(({ text }) => text) }, ...values.map(({ at }) => at));
  }

  #range(leaf: Leaf): JsonObject {
    const low = this.#value("between");
    if (!this.#takeWord("and")) throw wrong(this.#text, this.#peek().at, '"and" and a second value');
    const high = this.#value("between");
    return { and: [leaf({ op: ">=", value: low.text }, low.at), leaf({ op: "<=", value: high.text }, high.at)] };
  }

  /** Files are found by what texts begin with: of patterns only these are of use. */
  #pattern(leaf: Leaf): JsonObject {
    const { text, at } = this.#value("like");
    const begins = text.endsWith("%") ? text.slice(0, -1) : undefined;
    if (/[%_\\]/.test(begins ?? text))
      throw wrong(this.#text, at, "a pattern such as 'abc%': a text, and one % at its end");
    return begins === undefined ? leaf({ op: "=", value: text }, at) : leaf({ op: "startsWith", value: begins }, at);
  }

  #column(): string {
    const token = this.#peek();
    const isKeyword = token.kind === "word" && KEYWORDS.includes(token.text.toLowerCase());
    if (isKeyword || (token.kind !== "word" && token.kind !== "name")) {
      const instead = token.kind === "text" ? "a column (its name is not in single quotes)" : "a column";
      throw wrong(this.#text, token.at, instead);
    }
    this.#next += 1;
    if (token.kind === "word") return token.text;
    return token.text.replaceAll(QUOTED, (quoted) => quoted.slice(1, -1).replaceAll('""', '"'));
  }

  #value(after: string): { readonly text: string; readonly at: number } {
    const token = this.#peek();
    const lower = token.text.toLowerCase();
    if (token.kind === "word" && lower === "null") {
      throw wrong(this.#text, token.at, 'a value (for no value write "is null" or "is not null")');
    }
    if (token.kind !== "text" && (token.kind !== "word" || KEYWORDS.includes(lower))) {
      const quoted = token.kind === "name" ? "; texts are in single quotes" : "";
      throw wrong(this.#text, token.at, `a value after ${after}${quoted}`);
    }
    this.#next += 1;
    // As SQL has it: date '2026-01-31'.
    const following = this.#peek();
    if (token.kind === "word" && /^(date|timestamp|timestamp_ntz)$/.test(lower) && following.kind === "text") {
      return this.#value(lower);
    }
    const text = token.kind === "text" ? token.text.slice(1, -1).replaceAll("''", "'") : token.text;
    return { text, at: token.at };
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #takeWord(word: string): boolean {
    const token = this.#peek();
    const is = token.kind === "word" && token.text.toLowerCase() === word;
    if (is) this.#next += 1;
    return is;
  }

  #takeSign(sign: string): boolean {
    const token = this.#peek();
    const is = token.kind === "sign" && token.text === sign;
    if (is) this.#next += 1;
    return is;
  }

  #expectSign(sign: string, expected: string): void {
    if (!this.#takeSign(sign)) throw wrong(this.#text, this.#peek().at, expected);
  }
}

type Leaf = (members: Record<string, Json>, ...values: number[]) => JsonObject;
