/** Namespaces and the tables that lie in them, page by page: what a client browses that finds tables by name. */

import type { TableHead, TableState } from "../delta/table.ts";
import type { Lake, ListPage, Page } from "../ports.ts";
import {
  foreignCursor,
  readNamespacesCursor,
  readTablesCursor,
  writeNamespacesCursor,
  writeTablesCursor,
} from "./cursors.ts";

/** Tables of which protocol and metadata are read at once. */
const STATES_AT_ONCE = 100;
const TABLES_AT_ONCE = 1000;

/** Those of which the caller may know; all if absent. */
type Visible = (heads: readonly TableHead[]) => Promise<readonly TableHead[]>;

interface Seen {
  readonly visible?: Visible;
}

/** The namespaces that have tables of their own, by name. @throws LakeError invalid for a cursor of another list */
export async function listNamespaces(
  lake: Lake,
  { cursor, limit, visible }: Seen & { readonly cursor?: string; readonly limit: number },
): Promise<ListPage<string>> {
  const after = cursor === undefined ? undefined : readNamespacesCursor(cursor);
  const page = visible
    ? await seenNamespaces(lake, visible, { after, limit })
    : await lake.catalog.listNamespaces({ ...(after === undefined ? {} : { cursor: after }), limit });
  const { items, next } = page;
  return {
    items,
    cursorAfter: (count) => writeNamespacesCursor(items[count - 1] ?? ""),
    ...(next === undefined ? {} : { next: writeNamespacesCursor(next) }),
  };
}

/** Looks at all tables: who may see which, the database does not know. */
async function seenNamespaces(
  lake: Lake,
  visible: Visible,
  { after = "", limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<Page<string>> {
  const found = new Set<string>();
  for (let cursor: string | undefined; ; ) {
    const page = await lake.catalog.listTables({ limit: TABLES_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) });
    for (const { name } of await visible(page.items)) found.add(name.slice(0, name.lastIndexOf(".")));
    cursor = page.next;
    if (cursor === undefined) break;
  }
  const items = [...found].filter((name) => name > after).sort((a, b) => (a < b ? -1 : 1));
  const last = items[limit - 1];
  return { items: items.slice(0, limit), ...(items.length > limit && last !== undefined ? { next: last } : {}) };
}

/** Whether a table that the caller may know of lies in the namespace itself. */
export async function hasNamespace(lake: Lake, namespace: string, { visible }: Seen = {}): Promise<boolean> {
  const limit = visible ? TABLES_AT_ONCE : 1;
  for (let cursor: string | undefined; ; ) {
    const place = cursor === undefined ? {} : { cursor };
    const page = await lake.catalog.listTables({ namespace, isDirect: true, limit, ...place });
    const seen = visible ? await visible(page.items) : page.items;
    if (seen.length > 0) return true;
    cursor = page.next;
    if (cursor === undefined) return false;
  }
}

/**
 * Tables that lie in a namespace itself, not in one within it, with protocol and metadata. Fewer than could be, where all would be
 * more than `maxBytes` of schemas and properties.
 * @throws LakeError invalid for a cursor of another list
 */
export async function listTableStates(
  lake: Lake,
  options: Seen & {
    readonly namespace: string;
    readonly cursor?: string;
    readonly limit: number;
    readonly maxBytes: number;
  },
): Promise<ListPage<TableState>> {
  const { namespace, cursor, limit, maxBytes, visible = async (heads) => heads } = options;
  const begun = cursor === undefined ? undefined : readTablesCursor(cursor);
  if (cursor !== undefined && begun?.namespace !== namespace) throw foreignCursor(cursor);
  const items: TableState[] = [];
  let bytes = 0;
  let place = begun?.place;
  do {
    const page = await lake.catalog.listTables({
      namespace,
      isDirect: true,
      limit: Math.min(limit - items.length, STATES_AT_ONCE),
      ...(place === undefined ? {} : { cursor: place }),
    });
    const heads = await visible(page.items);
    const states = await lake.catalog.readStates(heads.map(({ tableId }) => ({ tableId })));
    const byId = new Map(states.map((state) => [state.tableId, state]));
    // One that has been dropped since is not there.
    const found = heads.flatMap(({ tableId }) => byId.get(tableId) ?? []);
    items.push(...found);
    bytes += found.reduce((sum, state) => sum + sizeOf(state), 0);
    place = page.next;
  } while (place !== undefined && items.length < limit && bytes < maxBytes);
  const write = (name: string) => writeTablesCursor({ namespace, place: name });
  return {
    items,
    cursorAfter: (count) => write(items[count - 1]?.name ?? ""),
    ...(place === undefined ? {} : { next: write(place) }),
  };
}

function sizeOf({ metadata }: TableState): number {
  const properties = Object.entries(metadata.configuration);
  return properties.reduce((sum, [key, value]) => sum + key.length + value.length, metadata.schemaString?.length ?? 0);
}
