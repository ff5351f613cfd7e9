/** Rows as Trino gives them: names in small letters, instants to the millisecond. That is Trino's own, and no fault of a table. */

import type { Row } from "./engines.ts";

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

export function asTrinoGives(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), spelled(value)]));
}

function spelled(value: unknown): unknown {
  if (typeof value === "string" && INSTANT.test(value)) return rounded(value);
  if (Array.isArray(value)) return value.map(spelled);
  return value !== null && typeof value === "object" ? asTrinoGives(value as Row) : value;
}

function rounded(instant: string): string {
  const millis = Date.parse(`${instant.slice(0, 23)}Z`) + (Number(instant.slice(23, 26)) >= 500 ? 1 : 0);
  return new Date(millis).toISOString().replace("Z", "000Z");
}
