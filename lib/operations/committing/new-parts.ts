/** Parts of a commit that make their table: version 0, by a writer that has written protocol and metadata itself. */

import type { NewPlace } from "../../delta/plan-first-version.ts";
import type { TableCommit } from "../../delta/request.ts";
import { foundAt, invalid, isLakeError } from "../../errors.ts";
import type { Lake, Rejection, TableState } from "../../ports.ts";
import { checkTableName } from "../create-table.ts";
import { freePlace, taken } from "../tables/free-place.ts";

/**
 * The place of a table that is to be made; undefined where it is there already: another writer has made it. What would be refused is
 * refused before anything is written; the statement decides again.
 * @param before what an earlier round has found
 * @throws LakeError invalid; conflict LOCATION_TAKEN, LOCATION_OVERLAPS, TABLE_EXISTS (in another case of letters), DELTA_LOG_EXISTS
 */
export async function newPlace(lake: Lake, asked: TableCommit, before?: NewPlace): Promise<NewPlace | undefined> {
  const { location } = asked.create ?? {};
  if (!("name" in asked.table) || location === undefined) {
    throw invalid("a table that is made needs a name and a place", { at: asked.at });
  }
  const { name } = asked.table;
  try {
    checkTableName(name);
  } catch (error) {
    throw within(asked.at, error);
  }
  const isThere = async () => (await lake.catalog.findTable({ name })) !== undefined;
  if (await isThere()) return undefined;
  if (before !== undefined) return before;
  try {
    return { tableId: lake.clock.newId(), name, location: await freePlace(lake, { name, location }) };
  } catch (error) {
    // Whose place it is, or whose log is there: it may have been made since we looked.
    if (isLakeError(error, "conflict") && (await isThere())) return undefined;
    throw within(asked.at, error);
  }
}

const NEVER = { metadata: -1, protocol: -1, add: -1, nonBlindAdd: -1, remove: -1, txn: -1, domain: -1 };

/** A table before its first version, for those who look at heads. */
export function stateBefore(lake: Lake, place: NewPlace, { actions }: TableCommit): TableState {
  const { protocol = { minReaderVersion: 1, minWriterVersion: 2 }, metadata } = actions;
  return {
    ...place,
    status: "ACTIVE",
    version: -1,
    baseVersion: 0,
    timestamp: -1,
    numFiles: 0,
    sizeInBytes: 0,
    markers: NEVER,
    createdAt: lake.clock.now(),
    protocol,
    metadata: metadata ?? {
      id: place.tableId,
      format: { provider: "parquet", options: {} },
      partitionColumns: [],
      configuration: {},
    },
  };
}

/** Somebody has been faster, and has the name in another case, or the place. The very name is a version that is taken. */
export function checkPlaces(parts: readonly NewPart[], rejections: readonly Rejection[]): void {
  for (const { tableId, reason, ...by } of rejections) {
    const { asked, place } = parts.find((part) => part.place?.tableId === tableId) ?? {};
    const isOther = reason === "locationTaken" || (reason === "nameTaken" && by.name !== undefined);
    if (asked && place && isOther) {
      throw within(asked.at, taken(place, { name: place.name, location: place.location, ...by }));
    }
  }
}

interface NewPart {
  readonly asked: TableCommit;
  readonly place?: NewPlace;
}

/** Where a request for one table has name and location, a commit has them in the part of the table. */
function within(at: string, error: unknown): unknown {
  if (!isLakeError(error)) return error;
  if (error.at === "/location") return foundAt(error, `${at}/location`);
  return error.at === "/name" ? foundAt(error, `${at}/table`) : error;
}
