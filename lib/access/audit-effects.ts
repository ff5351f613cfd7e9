/**
 * Effects that the trail does not have. A commit brings its row along (audit-row.ts); in releases before, the row followed, and a process that
 * was killed between the two has left the one without the other. Somebody with the database in hand can take a row away. Here both
 * are compared, and what is missing gets its row.
 */

import type { Append } from "../delta/appends.ts";
import { originOf } from "../delta/origin.ts";
import type { Audit, AuditRow, Maintenance, Versions } from "../ports.ts";
import { openAuditTrail, TRIM } from "./audit.ts";

/** Milliseconds after which a row is there, or its process is not. */
export const ROW_FOLLOWS_MS = 60_000;
const PAGE = 1000;
/** How the id of a caller begins: `authorOf` puts it into the version, whatever the request said. */
const CALLER = "user:";

/** A commit of a caller of the API. */
export interface Effect {
  readonly transactionId: string;
  /** `user:NAME`. */
  readonly who: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly tables: readonly { readonly tableId: string; readonly version: number }[];
}

/** What the trail has, gathered from its rows: eight bytes for each. */
export interface Recorded {
  note(row: AuditRow): void;
  /** Of a transaction, or of a table that was made. */
  has(id: string): boolean;
  /** From when on the trail has all; undefined where it has nothing. */
  since(): number | undefined;
}

export function openRecorded(): Recorded {
  let ids = new Float64Array(1024);
  let count = 0;
  let isSorted = true;
  let first = Number.POSITIVE_INFINITY;
  let trimmed = Number.NEGATIVE_INFINITY;
  const add = (id: string): void => {
    if (count === ids.length) {
      const more = new Float64Array(count * 2);
      more.set(ids);
      ids = more;
    }
    ids[count] = tailOf(id);
    count += 1;
    isSorted = false;
  };
  return {
    note({ at, operation, effect }) {
      if (operation === TRIM) trimmed = Math.max(trimmed, Number(/"before":(\d+)/.exec(effect)?.[1] ?? 0));
      else first = Math.min(first, at);
      const [, id] = /"transactionId":"([^"]+)"/.exec(effect) ?? /^\{"tableId":"([^"]+)"/.exec(effect) ?? [];
      if (id !== undefined) add(id);
    },
    has(id) {
      if (!isSorted) ids.subarray(0, count).sort();
      isSorted = true;
      const wanted = tailOf(id);
      let low = 0;
      for (let high = count; low < high; ) {
        const middle = (low + high) >>> 1;
        if ((ids[middle] as number) < wanted) low = middle + 1;
        else high = middle;
      }
      return low < count && ids[low] === wanted;
    },
    since: () => (Number.isFinite(first) ? Math.max(first, trimmed) : undefined),
  };
}

/** The last 48 bits of a UUID: those that are random in each kind that is in use. */
function tailOf(id: string): number {
  return Number.parseInt(id.slice(-12), 16);
}

/** Of which more are there than anybody reads. */
const MAX_EFFECTS = 100_000;

/**
 * Commits of callers without a row, the oldest first, for as long as transactions are remembered (30 days, if nobody has chosen otherwise).
 * @param now milliseconds since the epoch: what is younger than {@link ROW_FOLLOWS_MS} may have its row soon
 */
export async function unrecordedEffects(
  catalog: Pick<Maintenance, "oldTransactions"> & Pick<Versions, "history">,
  recorded: Recorded,
  now: number,
): Promise<readonly Effect[]> {
  const since = recorded.since();
  const found: Effect[] = [];
  const told = new Set<string>();
  if (since === undefined) return found;
  let cursor: string | undefined;
  do {
    const options = { before: now - ROW_FOLLOWS_MS, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await catalog.oldTransactions(options);
    for (const { transactionId, committedAt: at, tables } of page.items) {
      const isMade = tables.some(({ tableId, version }) => version === 0 && recorded.has(tableId));
      if (at < since || isMade || recorded.has(transactionId)) continue;
      const { who, appends } = await madeBy(catalog, tables);
      if (who === undefined) continue;
      // Of a version that is shared each append has a row.
      for (const { transactionId: id } of appends ?? [{ transactionId }]) {
        if (recorded.has(id) || told.has(id)) continue;
        told.add(id);
        found.push({ transactionId: id, who, at, tables });
      }
    }
    cursor = page.next;
  } while (cursor !== undefined && found.length < MAX_EFFECTS);
  return found;
}

/** Its caller, and the appends that it is made of. */
async function madeBy(
  catalog: Pick<Versions, "history">,
  tables: Effect["tables"],
): Promise<{ readonly who?: string; readonly appends?: readonly Append[] | undefined }> {
  for (const { tableId, version } of tables) {
    const { items } = await catalog.history(tableId, { before: version + 1, limit: 1 });
    const info = items[0]?.version === version ? items[0].commitInfo : undefined;
    const { userId } = info ?? {};
    if (typeof userId === "string" && userId.startsWith(CALLER))
      return { who: userId, appends: originOf(info)?.appends };
  }
  return {};
}

/** Gives each of them its row, in a chain of its own. @throws whatever writing throws; then some may be there, and all can be written again */
export async function recordEffects(
  catalog: Pick<Audit, "addAudit">,
  effects: readonly Effect[],
  shard: string,
): Promise<void> {
  const failures: unknown[] = [];
  const onError = (error: unknown) => void failures.push(error);
  const trail = openAuditTrail(catalog, { shard, now: () => 0, onError });
  for (const [i, { transactionId, who, at, tables }] of effects.entries()) {
    trail.note({
      ...{ at, requestId: "", who, session: "", client: "", operation: "commit", decision: "allowed", outcome: "" },
      tables: JSON.stringify(tables.map(({ tableId }) => tableId)),
      because: "found in the catalog: its process ended before it had written this down",
      effect: JSON.stringify({ transactionId, tables }),
    });
    if (i % PAGE === 0) await trail.flush();
  }
  await trail.flush();
  if (failures.length > 0) throw failures[0];
}
