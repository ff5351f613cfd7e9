/** Dates and times as texts: the proleptic Gregorian calendar, in the forms that Delta's writers use. */

/** Days since the epoch. */
export type Days = number;

/** A point in time. Without a zone its text means UTC for most readers, and the session's zone for Spark. */
export interface Instant {
  /** Microseconds since the epoch, the text taken as UTC where it names no zone. */
  readonly micros: bigint;
  readonly zoned: boolean;
}

const DATE = /^([+-]?\d{4,6})-(\d{1,2})-(\d{1,2})$/;
const TIMESTAMP =
  /^([+-]?\d{4,6}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;
/** What the calendar of delta-rs, DuckDB and Polars reaches; Spark's goes further. */
const MAX_YEAR = 262_142;
const DAY_MS = 86_400_000;
const DAY_MICROS = 86_400_000_000n;
/** Java's largest offset. */
const MAX_ZONE_MINUTES = 18 * 60;

/** undefined for what no calendar has, as 30 February. */
export function parseDate(text: string): Days | undefined {
  const match = DATE.exec(text);
  if (!match) return undefined;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (Math.abs(year) > MAX_YEAR) return undefined;
  // setUTCFullYear, as Date.UTC takes the years 0–99 for 1900–1999.
  const ms = new Date(0).setUTCFullYear(year, month - 1, day);
  const date = new Date(ms);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? ms / DAY_MS : undefined;
}

/** `2026-01-31`, `+10000-01-01`, `-0044-03-15`. */
export function dateText(days: Days): string {
  const date = new Date(days * DAY_MS);
  const year = date.getUTCFullYear();
  const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
  return `${sign}${digits(Math.abs(year), 4)}-${digits(date.getUTCMonth() + 1, 2)}-${digits(date.getUTCDate(), 2)}`;
}

/** A bare date is its midnight. Digits below a microsecond would be lost, so such a text is none. */
export function parseTimestamp(text: string): Instant | undefined {
  const match = TIMESTAMP.exec(text);
  if (!match) return undefined;
  const [, day = "", hour = "0", minute = "0", second = "0", fraction = "", zone] = match;
  const days = parseDate(day);
  const zoneMinutes = zone === undefined ? 0 : minutesOf(zone);
  if (days === undefined || zoneMinutes === undefined) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (/[1-9]/.test(fraction.slice(6))) return undefined;
  const seconds = days * 86_400 + Number(hour) * 3600 + (Number(minute) - zoneMinutes) * 60 + Number(second);
  const micros = BigInt(seconds) * 1_000_000n + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
  return { micros, zoned: zone !== undefined };
}

function minutesOf(zone: string): number | undefined {
  if (zone === "Z") return 0;
  const [, sign, hours, minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  const total = Number(hours) * 60 + Number(minutes);
  if (Number(minutes) > 59 || total > MAX_ZONE_MINUTES) return undefined;
  return sign === "-" ? -total : total;
}

/**
 * As Spark writes it: `2026-01-31T12:00:00.500000Z` with a zone, `2026-01-31 12:00:00.5` without.
 * @returns undefined for an instant that its zone moves out of the calendar
 */
export function timestampText({ micros, zoned }: Instant): string | undefined {
  const ofDay = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const date = dateText(Number((micros - ofDay) / DAY_MICROS));
  if (parseDate(date) === undefined) return undefined;
  const seconds = Number(ofDay / 1_000_000n);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const time = parts.map((part) => digits(part, 2)).join(":");
  const fraction = digits(Number(ofDay % 1_000_000n), 6);
  if (zoned) return `${date}T${time}.${fraction}Z`;
  return `${date} ${time}${fraction === "000000" ? "" : `.${withoutTrailingZeros(fraction)}`}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function withoutTrailingZeros(fraction: string): string {
  return fraction.replace(/0+$/, "");
}
