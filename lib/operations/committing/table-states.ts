/** Heads to plan against, remembered between commits: a stale one is found out by the commit statement and costs one more round. */

import { BoundedMap } from "../../bounded-map.ts";
import type { TableRef } from "../../delta/request.ts";
import type { Catalog, Lake, TableState } from "../../ports.ts";
import { checkNotFollowed } from "../tables/followed.ts";
import { missingTable } from "../tables/missing-table.ts";
import { noteHeads } from "./behind-log.ts";

/** Metadata of wide tables run to megabytes: this bounds what a warm process holds. A table is there by its id and by its name. */
const MAX_REMEMBERED = 500;

const remembered = new WeakMap<Catalog, BoundedMap<string, TableState>>();

function key(ref: TableRef): string {
  return "tableId" in ref ? `id:${ref.tableId.toLowerCase()}` : `name:${ref.name}`;
}

/**
 * States of the given tables, in their order. Remembered ones may be behind the database in everything but tableId and
 * location; pass `fresh` to ask again.
 * @throws LakeError notFound naming each missing table; conflict TABLE_FOLLOWED where others write one
 */
export async function tableStates(
  lake: Lake,
  refs: readonly TableRef[],
  options: { readonly fresh?: boolean } = {},
): Promise<readonly TableState[]> {
  const cache = remembered.get(lake.catalog) ?? new BoundedMap<string, TableState>(MAX_REMEMBERED);
  remembered.set(lake.catalog, cache);
  // Looked up at once: while we ask for the others, another request may forget them, or they make room.
  const found = new Map<string, TableState>();
  for (const ref of options.fresh ? [] : refs) {
    const state = cache.get(key(ref));
    if (state !== undefined) found.set(key(ref), state);
  }
  const missing = refs.filter((ref) => !found.has(key(ref)));
  const read = missing.length === 0 ? [] : await lake.catalog.readStates(missing);
  noteHeads(lake, read);
  for (const state of read) {
    // Not remembered: it may be taken over by another process.
    checkNotFollowed(state);
    for (const ref of [{ tableId: state.tableId }, { name: state.name }]) {
      cache.set(key(ref), state);
      found.set(key(ref), state);
    }
  }
  const states: TableState[] = [];
  for (const ref of refs) {
    const state = found.get(key(ref));
    if (state === undefined) throw await missingTable(lake, ref);
    states.push(state);
  }
  return states;
}

/** Drops what is remembered of a table: after a change of metadata or protocol, or when the database knows it no more. */
export function forgetTable(lake: Lake, state: { readonly tableId: string; readonly name: string }): void {
  const cache = remembered.get(lake.catalog);
  cache?.delete(key({ tableId: state.tableId }));
  cache?.delete(key({ name: state.name }));
}

/** Drops all that is remembered: the database may be another one. */
export function forgetTables(lake: Lake): void {
  remembered.delete(lake.catalog);
}
