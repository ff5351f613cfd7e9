/**
 * Scan planning: the files of a version that may hold rows which a predicate selects, page by page, and how many there are.
 * What is passed over holds none of them (delta/predicates/file-predicate.ts).
 */

import { hash } from "node:crypto";
import type { AddFile } from "../delta/actions.ts";
import { compileFilePredicate } from "../delta/predicates/file-predicate.ts";
import { keepStatsOf } from "../delta/predicates/stats-of-columns.ts";
import type { TableRef } from "../delta/request.ts";
import { tableDescription } from "../delta/table-configuration.ts";
import { canonicalJson, type Json } from "../delta/values/json.ts";
import type { Lake } from "../ports.ts";
import { foreignCursor, writeCursor } from "./cursors.ts";
import { beginList, type ListOptions, type VersionPage } from "./lists.ts";
import { fileSource } from "./scan-source.ts";

export interface ScanRequest extends ListOptions {
  readonly predicate: Json;
  /** Columns whose statistics are wanted, by name or by path with dots; all if absent. */
  readonly columns?: readonly string[];
  /** Told of columns by which there is no index, though one might have helped. */
  readonly onUnindexed?: (tableId: string, columnId: string) => void;
}

/** One page of the files of a scan. A page may have fewer files than it could, and yet not be the last. */
export interface ScanPage extends VersionPage<AddFile> {
  /** Files of the version. */
  readonly total: number;
  /** Files that may match: on the first `count` of this page and on those before; on the last page, all. */
  keptAfter(count: number): number;
}

/** Files looked at for one page: what asks for pages waits for no more than this. */
const LOOKED_AT = 100_000;
/** Bytes of a page, roughly. */
const PAGE_BYTES = 4_000_000;
/** Bytes of an action beside its texts, roughly. */
const ACTION_BYTES = 200;

/**
 * All pages of a scan show the version of the first one. A cursor belongs to its predicate.
 * @throws LakeError notFound; invalid for a malformed predicate (at `/predicate`), an unknown column, and a cursor of another list
 */
export async function planScan(lake: Lake, ref: TableRef, request: ScanRequest): Promise<ScanPage> {
  const { predicate, columns, cursor, limit, maxBytes = PAGE_BYTES } = request;
  const { at, place } = await beginList(lake, ref, "plan", request);
  const { tableId, version } = at;
  const { metadata, numFiles } = await lake.catalog.readSummary(tableId, version);
  const table = tableDescription(metadata);
  const judge = compileFilePredicate(predicate, table, "/predicate");
  const project = columns === undefined ? undefined : keepStatsOf(columns, table, "/columns");
  const digest = hash("sha256", canonicalJson(predicate)).slice(0, 16);
  const begun = place === undefined ? undefined : readPlace(place);
  if (cursor !== undefined && begun?.digest !== digest) throw foreignCursor(cursor);

  const read = await fileSource(lake, { tableId, version, numFiles }, judge.needs, (columnId) =>
    request.onUnindexed?.(tableId, columnId),
  );
  const keptBefore = begun?.kept ?? 0;
  const kept: { readonly file: AddFile; readonly place: string }[] = [];
  let from: string | undefined = begun?.place;
  let [seen, bytes, isFull] = [0, 0, false];
  do {
    // A scan of millions of files lets others have their turn.
    if (seen > 0) await lake.clock.sleep(0);
    const page = await read(from);
    from = page.next;
    for (const [i, file] of page.items.entries()) {
      if (!judge.mayMatch(file)) continue;
      kept.push({ file: project ? project(file) : file, place: page.cursorAfter(i + 1) });
      bytes += ACTION_BYTES + file.path.length + (file.stats?.length ?? 0);
      isFull = kept.length >= limit || bytes >= maxBytes;
      if (!isFull) continue;
      if (i + 1 < page.items.length || page.next !== undefined) from = page.cursorAfter(i + 1);
      break;
    }
    seen += page.items.length;
  } while (from !== undefined && !isFull && seen < LOOKED_AT);

  const keptAfter = (count: number): number => keptBefore + count;
  const cursorAt = (placeOf: string, count: number): string =>
    writeCursor("plan", { tableId, version, place: `${placeOf}.${keptAfter(count)}.${digest}` });
  return {
    ...at,
    total: numFiles,
    keptAfter,
    page: {
      items: kept.map(({ file }) => file),
      cursorAfter: (count) => cursorAt(kept[count - 1]?.place ?? "", count),
      ...(from === undefined ? {} : { next: cursorAt(from, kept.length) }),
    },
  };
}

/** `<place of the catalog>.<files before>.<hash of the predicate>`, of which the first has dots of its own. */
const PLACE = /^(\d{1,16}\.\d{1,10})\.(\d{1,10})\.([0-9a-f]{16})$/;

function readPlace(
  text: string,
): { readonly place: string; readonly kept: number; readonly digest: string } | undefined {
  const [, place, kept, digest] = PLACE.exec(text) ?? [];
  if (place === undefined || kept === undefined || digest === undefined) return undefined;
  return { place, kept: Number(kept), digest };
}
