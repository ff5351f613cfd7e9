/** Parsers of option values; commander turns their errors into messages that name the option. */

import { InvalidArgumentError } from "commander";
import { parseTimestamp, TIMESTAMP_WANTED } from "../wire/timestamp.ts";

/** A whole number within bounds. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      const bounds = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
      throw new InvalidArgumentError(`It takes an integer ${bounds}.`);
    }
    return value;
  };
}

/** Seconds, fractions allowed. */
export function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new InvalidArgumentError("It takes a number of seconds, such as 5 or 0.5.");
  return value;
}

/** Milliseconds since the epoch. */
export function moment(text: string): number {
  const value = parseTimestamp(text);
  if (value === undefined) throw new InvalidArgumentError(`It ${TIMESTAMP_WANTED.replace("expected", "takes")}.`);
  return value;
}

/** Gathers the values of an option that may be repeated. */
export function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration, as milliseconds: a number and its unit. */
export function duration(text: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)([smhd])$/.exec(text) ?? [];
  if (number === undefined)
    throw new InvalidArgumentError("It takes a number and a unit (s, m, h, d), such as 168h or 7d.");
  return Math.round(Number(number) * (UNIT_MS[unit] ?? 0));
}
