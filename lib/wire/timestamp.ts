/**
 * Moments as people and requests write them: one rule for query strings, bodies and the command line. A date that no calendar
 * has is refused. Which version a moment means is said in lib/operations/read.ts.
 */

export const TIMESTAMP_WANTED =
  "expected milliseconds since the epoch, or ISO 8601 with a time zone such as 2026-01-01T00:00:00Z";

/** The last moment that ISO 8601 writes with four digits of the year. */
export const MAX_TIMESTAMP = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const DATE = String.raw`\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?`;
const ZONE = String.raw`(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)`;

/** ISO 8601: a date is its first moment in UTC, a time has a zone. */
export const ISO_8601 = new RegExp(`^${DATE}(?:T${TIME}${ZONE})?$`);
export const TIMESTAMP_LENGTH = 35;

/** Milliseconds; undefined for a text that is no moment. */
export function parseTimestamp(text: string): number | undefined {
  if (/^\d{1,15}$/.test(text)) return Number(text) <= MAX_TIMESTAMP ? Number(text) : undefined;
  if (!ISO_8601.test(text)) return undefined;
  const date = text.slice(0, 10);
  // `Date` takes February 30 for March 2.
  if (new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) !== date) return undefined;
  const millis = Date.parse(text);
  return millis <= MAX_TIMESTAMP ? millis : undefined;
}
