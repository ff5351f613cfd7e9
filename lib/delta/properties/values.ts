/** Kinds of table property values: how a text is read, and the one spelling in which every reader understands it. Pure. */

import { splitColumnNames } from "../schema/column-names.ts";

export interface ValueKind<T> {
  /** Completes the sentence "the value must be …". */
  readonly form: string;
  /** The value of a text, as Spark reads it; undefined for a text that is no such value. */
  readonly read: (text: string) => T | undefined;
  /** The spelling that is stored: readers other than Spark take fewer spellings than Spark does. */
  readonly write: (value: T, text: string) => string;
}

/** Spark ignores case; kernel-based readers know lower case only. */
export const flag: ValueKind<boolean> = {
  form: '"true" or "false"',
  read: (text) => {
    const word = text.trim().toLowerCase();
    return word === "true" ? true : word === "false" ? false : undefined;
  },
  write: String,
};

const INT32_MAX = 2_147_483_647;

export function integerFrom(min: number, max = INT32_MAX): ValueKind<number> {
  return {
    form: `an integer from ${min} to ${max}`,
    read: (text) => {
      const value = /^[+-]?\d{1,19}$/.test(text.trim()) ? Number(text) : Number.NaN;
      return Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined;
    },
    write: String,
  };
}

const DAY_MS = 86_400_000;
/** Units of an interval in microseconds, the largest first. */
const UNIT_MICROS: readonly (readonly [string, number])[] = [
  ["week", 7 * DAY_MS * 1000],
  ["day", DAY_MS * 1000],
  ["hour", 3_600_000_000],
  ["minute", 60_000_000],
  ["second", 1_000_000],
  ["millisecond", 1000],
  ["microsecond", 1],
];

const SIMPLE_INTERVAL = /^interval \d{1,15} (week|day|hour|minute|second|millisecond|microsecond)s?$/;

/** Milliseconds of `interval 30 days`, `2 weeks 3 hours` …; years and months have no fixed length, so nobody takes them. */
export const interval: ValueKind<number> = {
  form: 'an interval of weeks, days, hours, minutes or seconds, such as "interval 30 days" (not months or years)',
  read: (text) => {
    const micros = intervalMicros(text);
    return micros === undefined ? undefined : Math.floor(micros / 1000);
  },
  // Kernel-based readers want the word "interval", and read one amount alone.
  write: (millis, text) => {
    if (SIMPLE_INTERVAL.test(text)) return text;
    const micros = millis * 1000;
    const [unit, size] = UNIT_MICROS.find(([, each]) => micros % each === 0 && micros > 0) ?? ["day", DAY_MS * 1000];
    const amount = micros / size;
    return `interval ${amount} ${unit}${amount === 1 ? "" : "s"}`;
  },
};

function intervalMicros(text: string): number | undefined {
  const words = text.trim().toLowerCase().split(/\s+/, 32);
  if (words[0] === "interval") words.shift();
  if (words.length === 0 || words.length > 14 || words.length % 2 !== 0) return undefined;
  let total = 0;
  for (let i = 0; i < words.length; i += 2) {
    const amount = /^\d{1,15}$/.test(words[i] ?? "") ? Number(words[i]) : Number.NaN;
    const name = (words[i + 1] ?? "").replace(/s$/, "");
    const unit = UNIT_MICROS.find(([known]) => known === name);
    if (unit === undefined) return undefined;
    total += amount * unit[1];
  }
  return Number.isSafeInteger(total) ? total : undefined;
}

/** One of a few words, which Spark compares without case; stored as they are here. */
export function oneOf<T extends string>(...words: readonly T[]): ValueKind<T> {
  return {
    form: `one of ${words.map((word) => `"${word}"`).join(", ")}`,
    read: (text) => words.find((word) => word.toLowerCase() === text.trim().toLowerCase()),
    write: (value) => value,
  };
}

/** A list of different words of a set, separated by commas. */
export function someOf<T extends string>(...words: readonly T[]): ValueKind<readonly T[]> {
  return {
    form: `a list of different words out of ${words.map((word) => `"${word}"`).join(", ")}, separated by commas`,
    read: (text) => {
      if (text.trim() === "") return [];
      const parts = text.split(",").map((part) => words.find((word) => word === part.trim().toLowerCase()));
      return parts.every((part) => part !== undefined) && new Set(parts).size === parts.length
        ? (parts as readonly T[])
        : undefined;
    },
    write: (value) => value.join(","),
  };
}

/** Columns by name: `id, address.city`, with backticks around names that hold other characters. */
export const columnList: ValueKind<string> = {
  form: "a list of column names separated by commas, with backticks around names of other characters than letters, digits and _",
  read: (text) => (splitColumnNames(text) === undefined ? undefined : text),
  write: (value) => value,
};

/** Bytes: `104857600`, or `100mb`. */
export const byteSize: ValueKind<string> = {
  form: 'a number of bytes such as "104857600" or "100mb"',
  read: (text) => (/^[1-9]\d{0,15}\s?([kmg]?b?)$/i.test(text.trim()) ? text.trim() : undefined),
  write: (value) => value,
};

/** Bytes of a size such as `100mb`; its units are powers of 1024, as Spark has them. */
export function bytesOfSize(text: string): number {
  const [, number, unit = ""] = /^(\d+)\s?([kmg]?)b?$/i.exec(text.trim()) ?? [];
  return Number(number) * 1024 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase());
}

/** Text that must say something. */
export const text: ValueKind<string> = {
  form: "a text that is not empty",
  read: (value) => (value.trim() === "" ? undefined : value),
  write: (value) => value,
};

const CLOSERS: Readonly<Record<string, string>> = { "(": ")", "[": "]" };

/**
 * A condition in Spark's SQL. Spark parses it before it opens the table, and fails where it cannot; what can be told without
 * its parser is refused: open quotes and brackets, and an operator without its right side.
 */
export const sqlCondition: ValueKind<string> = {
  form: "a condition in SQL that is complete: its quotes and brackets are closed",
  read: (value) =>
    isBalanced(value) && !/(^\s*$|[=<>+\-*/%&|^!,.]\s*$|\b(and|or|not|in|is|like|between)\s*$)/i.test(value.slice(-64))
      ? value
      : undefined,
  write: (value) => value,
};

function isBalanced(value: string): boolean {
  const open: string[] = [];
  for (let i = 0; i < value.length; i += 1) {
    const char = value[i] as string;
    if (char === "'" || char === '"' || char === "`") {
      for (i += 1; i < value.length && value[i] !== char; i += 1) if (value[i] === "\\" && char !== "`") i += 1;
      if (i >= value.length) return false;
    } else if (CLOSERS[char] !== undefined) open.push(CLOSERS[char] as string);
    else if ((char === ")" || char === "]") && open.pop() !== char) return false;
    else if (char === ";") return false;
  }
  return open.length === 0;
}
