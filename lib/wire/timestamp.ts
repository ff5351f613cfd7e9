/** Moments as people and requests write them. One rule for query strings, bodies and the command line. */

export const TIMESTAMP_WANTED =
  "expected milliseconds since the epoch, or ISO 8601 with a time zone such as 2026-01-01T00:00:00Z";

/** Milliseconds; undefined for a text that is no moment. */
export function parseTimestamp(text: string): number | undefined {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const millis = Date.parse(text);
  return Number.isNaN(millis) ? undefined : millis;
}
