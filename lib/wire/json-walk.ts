/** Walks a JSON text by the grammar of RFC 8259: tells where it breaks, and which name occurs twice. Slow, for refusals alone. */

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

/** Where the text stops being JSON. V8 tells that place only in the words of its message. */
export function firstFault(text: string): Fault {
  try {
    return { offset: walk(text, () => undefined), wanted: "the end" };
  } catch (stop) {
    if (stop instanceof Stop) return stop.fault;
    throw stop;
  }
}

/** The JSON pointer of the first name that its object has already; undefined when there is none. The text must be JSON. */
export function firstDuplicate(text: string): string | undefined {
  let found: string | undefined;
  walk(text, (name, { path, names }) => {
    if (names.has(name)) found ??= [...path, name].map((token) => `/${escapeToken(String(token))}`).join("");
    names.add(name);
  });
  return found;
}

/** One token of a JSON pointer. */
export function escapeToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

interface Place {
  /** Names and indexes that lead to the object. */
  readonly path: (string | number)[];
  /** Names of the object so far. */
  readonly names: Set<string>;
}
type OnName = (name: string, place: Place) => void;

/** @returns the offset behind the value */
function walk(text: string, onName: OnName): number {
  return skipSpace(text, new Walker(text, onName).value(skipSpace(text, 0)));
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

function skipString(text: string, start: number): number {
  for (let at = start + 1; ; ) {
    at = match(STRING_RUN, text, at) ?? at;
    if (text[at] === '"') return at + 1;
    const end = match(ESCAPE, text, at);
    if (end === undefined) throw new Stop(at, text[at] === "\\" ? "an escape of JSON" : "the rest of a string");
    at = end;
  }
}

class Walker {
  readonly #path: (string | number)[] = [];
  readonly #text: string;
  readonly #onName: OnName;

  constructor(text: string, onName: OnName) {
    this.#text = text;
    this.#onName = onName;
  }

  /** @returns the offset behind the value that begins here */
  value(at: number): number {
    const first = this.#text[at];
    if (first === '"') return skipString(this.#text, at);
    if (first === "[") return this.#items(at, "]", (from) => this.value(from));
    if (first === "{") {
      const names = new Set<string>();
      return this.#items(at, "}", (from, place) => this.#member(from, place, names));
    }
    const end = match(SCALAR, this.#text, at);
    if (end === undefined) throw new Stop(at, "a value");
    return end;
  }

  #items(start: number, close: string, skip: (at: number, place: number) => number): number {
    const text = this.#text;
    const place = this.#path.length;
    let at = skipSpace(text, start + 1);
    for (let index = 0; text[at] !== close; index += 1) {
      if (index > 0) {
        if (text[at] !== ",") throw new Stop(at, `"," or "${close}"`);
        at = skipSpace(text, at + 1);
      }
      this.#path[place] = index;
      at = skipSpace(text, skip(at, place));
    }
    this.#path.length = place;
    return at + 1;
  }

  #member(at: number, place: number, names: Set<string>): number {
    const text = this.#text;
    if (text[at] !== '"') throw new Stop(at, "a name in double quotes");
    const end = skipString(text, at);
    const name = JSON.parse(text.slice(at, end)) as string;
    this.#onName(name, { path: this.#path.slice(0, place), names });
    this.#path[place] = name;
    const colon = skipSpace(text, end);
    if (text[colon] !== ":") throw new Stop(colon, '":"');
    return this.value(skipSpace(text, colon + 1));
  }
}
