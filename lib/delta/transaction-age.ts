/** For how long a catalog answers for a transactionId, and what an id tells of its own age (ARCHITECTURE.md D8). */

const DAY_MS = 86_400_000;

/** As long as a log keeps its commits by default, from whose `commitInfo` the ids come back. */
export const TRANSACTION_RETENTION_MS = 30 * DAY_MS;

/** No retention is shorter: requests that wait in a queue are sent again for days. */
export const SHORTEST_TRANSACTION_RETENTION_MS = 7 * DAY_MS;

/** So much later than what was forgotten may an id say that it was made: the clock of its maker may be ahead. */
export const CLOCK_MARGIN_MS = DAY_MS;

/** An id that says to be younger was not forgotten, by any retention. */
export const NEVER_FORGOTTEN_MS = SHORTEST_TRANSACTION_RETENTION_MS - CLOCK_MARGIN_MS;

/** How the hash of a request begins of which neither id nor version tells its age: its answer is kept, as it could not be refused. */
export const UNDATED = "00000000";

/** @param hash SHA-256 (hex), of which enough is left */
export function undated(hash: string): string {
  return UNDATED + hash.slice(UNDATED.length);
}

/** When an id was made, in milliseconds, where it says so: a UUID of version 7 (RFC 9562, section 5.7). */
export function timeOfId(id: string): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(id) ?? [];
  return high === undefined ? undefined : Number.parseInt(`${high}${low}`, 16);
}
