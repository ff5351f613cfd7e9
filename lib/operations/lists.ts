/** Lists for clients, page by page: tables, and of one version of a table its files, applications and domains. */

import type { AddFile, DomainMetadata, Txn } from "../delta/actions.ts";
import type { TableRef } from "../delta/request.ts";
import { txnsExpireAt } from "../delta/txns.ts";
import { notFound } from "../errors.ts";
import type { Lake, ListPage, PageLimits, TableHead } from "../ports.ts";
import {
  foreignCursor,
  readCursor,
  readKey,
  readTablesCursor,
  type VersionList,
  writeCursor,
  writeKey,
  writeTablesCursor,
} from "./cursors.ts";
import { type AsOf, type ListedTable, resolveVersion } from "./read.ts";
import { healthOfTables } from "./table-health.ts";

/** One page of the tables of the catalog with their health, in the order of their names. @throws LakeError invalid for a cursor of another list */
export async function listTables(
  lake: Lake,
  options: TablesOptions & { readonly cursor?: string },
): Promise<ListPage<ListedTable>> {
  const { cursor } = options;
  const begun = cursor === undefined ? undefined : readTablesCursor(cursor);
  const namespace = options.namespace ?? (begun?.namespace || undefined);
  if (cursor !== undefined && begun?.namespace !== (namespace ?? "")) throw foreignCursor(cursor);
  const page = await visiblePage(lake, {
    ...options,
    ...(namespace === undefined ? {} : { namespace }),
    cursor: begun?.place,
  });
  const items = await withHealth(lake, page.items);
  // Not the page's own cursors: a table that has been dropped since is not among the items.
  const places: ListPage<ListedTable> = { ...page, items, cursorAfter: (count) => items[count - 1]?.head.name ?? "" };
  return withCursors(places, (place) => writeTablesCursor({ namespace: namespace ?? "", place }));
}

interface TablesOptions {
  readonly namespace?: string;
  readonly limit: number;
  /** Those of which the caller may know; all if absent. */
  readonly visible?: (heads: readonly TableHead[]) => Promise<readonly TableHead[]>;
}

/** Goes on until the page is full or nothing is left: neither a short page nor a cursor tells of what is not shown. */
async function visiblePage(
  lake: Lake,
  {
    namespace,
    limit,
    visible = async (heads) => heads,
    cursor,
  }: TablesOptions & { readonly cursor: string | undefined },
): Promise<ListPage<TableHead>> {
  const items: TableHead[] = [];
  let place = cursor;
  do {
    const page = await lake.catalog.listTables({
      ...(namespace === undefined ? {} : { namespace }),
      ...(place === undefined ? {} : { cursor: place }),
      limit,
    });
    items.push(...(await visible(page.items)));
    place = page.next;
  } while (place !== undefined && items.length < limit);
  const shown = items.slice(0, limit);
  const cursorAfter = (count: number): string => shown[count - 1]?.name ?? "";
  const goesOn = items.length > limit || place !== undefined;
  return { items: shown, cursorAfter, ...(goesOn ? { next: cursorAfter(shown.length) } : {}) };
}

/** The table that lives at a canonical location, as a list of one; or none. */
export async function listTableAt(
  lake: Lake,
  location: string,
  { visible = async (heads) => heads }: Pick<TablesOptions, "visible"> = {},
): Promise<ListPage<ListedTable>> {
  const head = await lake.catalog.tableAt(location);
  // Asked also where there is none, so that both take the same way.
  const shown = await visible(head === undefined ? [] : [head]);
  return { items: await withHealth(lake, shown), cursorAfter: () => "" };
}

/** One round trip for all; a table that has been dropped since is missing. */
async function withHealth(lake: Lake, heads: readonly TableHead[]): Promise<readonly ListedTable[]> {
  const checked = await healthOfTables(
    lake,
    heads.map(({ tableId }) => tableId),
  );
  return heads.flatMap((head) => {
    const health = checked.get(head.tableId)?.health;
    return health === undefined ? [] : [{ head, health }];
  });
}

/** The page with cursors that say to which list they belong. */
function withCursors<T>(page: ListPage<T>, write: (place: string) => string): ListPage<T> {
  const { items, next, cursorAfter } = page;
  const after = (count: number): string => write(cursorAfter(count));
  return { items, cursorAfter: after, ...(next === undefined ? {} : { next: write(next) }) };
}

/** One page of a list of one version of a table, and which version that is. */
export interface VersionPage<T> {
  readonly tableId: string;
  readonly version: number;
  readonly timestamp: number;
  readonly page: ListPage<T>;
}

/** Which state, which part of the list, and where it goes on. */
export type ListOptions = AsOf & PageLimits & { readonly cursor?: string };

/**
 * One page of the files that are live in a table. All pages of a list show the version of the first one, whatever is committed
 * meanwhile: the cursor carries it.
 * @throws LakeError notFound; invalid for a cursor of another list, table or version
 */
export async function listFiles(lake: Lake, ref: TableRef, options: ListOptions): Promise<VersionPage<AddFile>> {
  const { at, place } = await beginList(lake, ref, "files", options);
  return { ...at, page: await readPage(lake, { ...at, place }, options) };
}

/** The page of files that a cursor of {@link listFiles} stands for; one round trip. @throws LakeError invalid, notFound */
export function nextFiles(lake: Lake, cursor: string, limits: PageLimits): Promise<ListPage<AddFile>> {
  return readPage(lake, readCursor("files", cursor), limits);
}

/** {@link listFiles} as the JSON texts of the files. */
export async function listFileTexts(
  lake: Lake,
  ref: TableRef,
  options: ListOptions & TextOptions,
): Promise<VersionPage<string>> {
  const { at, place } = await beginList(lake, ref, "files", options);
  return { ...at, page: await readTexts(lake, { ...at, place }, options) };
}

/** {@link nextFiles} as the JSON texts of the files. */
export function nextFileTexts(
  lake: Lake,
  cursor: string,
  options: PageLimits & TextOptions,
): Promise<ListPage<string>> {
  return readTexts(lake, readCursor("files", cursor), options);
}

interface TextOptions {
  /** The fields that each text has, in their order; all if absent. */
  readonly fields?: readonly string[] | undefined;
}

interface FilesPlace {
  readonly tableId: string;
  readonly version: number;
  readonly place: string | undefined;
}

async function readPage(lake: Lake, at: FilesPlace, limits: PageLimits): Promise<ListPage<AddFile>> {
  const { tableId, version } = at;
  return withFilesCursors(at, await lake.catalog.readFiles(tableId, version, fromPlace(at, limits)));
}

async function readTexts(lake: Lake, at: FilesPlace, options: PageLimits & TextOptions): Promise<ListPage<string>> {
  const { tableId, version } = at;
  const { fields } = options;
  const wanted = { ...fromPlace(at, options), ...(fields === undefined ? {} : { fields }) };
  return withFilesCursors(at, await lake.catalog.readFileTexts(tableId, version, wanted));
}

function fromPlace({ place }: FilesPlace, limits: PageLimits): PageLimits & { readonly cursor?: string } {
  return { ...limitsOf(limits), ...(place === undefined ? {} : { cursor: place }) };
}

function withFilesCursors<T>({ tableId, version }: FilesPlace, page: ListPage<T>): ListPage<T> {
  return withCursors(page, (place) => writeCursor("files", { tableId, version, place }));
}

/** One page of the applications of a table, by their ids: of each its newest txn action that has not expired. */
export async function listTxns(lake: Lake, ref: TableRef, options: ListOptions): Promise<VersionPage<Txn>> {
  const { at, place } = await beginList(lake, ref, "txns", options);
  const { tableId, version } = at;
  const { metadata } = await lake.catalog.readSummary(tableId, version);
  const updatedAfter = txnsExpireAt(metadata, lake.clock.now());
  const page = await lake.catalog.readTxns(tableId, version, {
    ...limitsOf(options),
    ...(place === undefined ? {} : { cursor: readKey(place) }),
    ...(updatedAfter === undefined ? {} : { updatedAfter }),
  });
  return { ...at, page: withCursors(page, (key) => writeCursor("txns", { tableId, version, place: writeKey(key) })) };
}

/** One page of the domains of a table, by name. */
export async function listDomains(
  lake: Lake,
  ref: TableRef,
  options: ListOptions,
): Promise<VersionPage<DomainMetadata>> {
  const { at, place } = await beginList(lake, ref, "domains", options);
  const { tableId, version } = at;
  const page = await lake.catalog.readDomains(tableId, version, {
    ...limitsOf(options),
    ...(place === undefined ? {} : { cursor: readKey(place) }),
  });
  return {
    ...at,
    page: withCursors(page, (key) => writeCursor("domains", { tableId, version, place: writeKey(key) })),
  };
}

function limitsOf({ limit, maxBytes }: PageLimits): PageLimits {
  return maxBytes === undefined ? { limit } : { limit, maxBytes };
}

/** The version that a list shows: that of its cursor, where it has one. @throws LakeError notFound; invalid for a foreign cursor */
export async function beginList(
  lake: Lake,
  ref: TableRef,
  list: VersionList,
  { cursor, version: asked, timestamp: moment }: ListOptions,
): Promise<{
  readonly at: { readonly tableId: string; readonly version: number; readonly timestamp: number };
  readonly place: string | undefined;
}> {
  const begun = cursor === undefined ? undefined : readCursor(list, cursor);
  const wanted = asked ?? (moment === undefined ? begun?.version : undefined);
  const { head, version, timestamp } = await resolveVersion(lake, ref, {
    ...(wanted === undefined ? {} : { version: wanted }),
    ...(moment === undefined ? {} : { timestamp: moment }),
  });
  const { tableId } = head;
  if ((list === "files" || list === "plan") && version < head.version) await checkNotVacuumed(lake, head, version);
  if (cursor !== undefined && (begun?.tableId !== tableId || begun.version !== version)) throw foreignCursor(cursor);
  return { at: { tableId, version, timestamp }, place: begun?.place };
}

/** A list of files that are not there helps nobody: what was in the version, its history still says. */
async function checkNotVacuumed(lake: Lake, { tableId, name }: TableHead, version: number): Promise<void> {
  const [upkeep] = await lake.catalog.readUpkeep([tableId]);
  const oldest = upkeep?.vacuumFloor ?? 0;
  if (version >= oldest) return;
  throw notFound(
    `vacuum has removed files that version ${version} of "${name}" had: ${oldest} is the oldest that is whole`,
    {
      code: "VERSION_VACUUMED",
      hint: "Its history and its actions are still told: GET /v1/tables/{tableId}/history and …/commits.",
      facts: { tableId, version, oldest },
    },
  );
}
