/** Which ranges of a table's files have lost some: what a checkpoint has to write anew. Costs what has changed. */

import { OPEN, type Queries, sql, uuid } from "../database.ts";
import { integer } from "../rows/values.ts";
import { placeOf } from "./files.ts";

const PLACES_A_READ = 5_000;
/** After so many reads all ranges that are left count as changed. */
const MAX_READS = 8;

/** As {@link Snapshots.rangesLosing} says. */
export async function rangesLosing(
  db: Queries,
  tableId: string,
  { after, upTo, ends }: { readonly after: number; readonly upTo: number; readonly ends: readonly string[] },
): Promise<ReadonlySet<number>> {
  const lost = new Set<number>();
  const places = ends.map(placeOf);
  const last = ends.at(-1);
  let range = 0;
  for (let reads = 0; last !== undefined && range < ends.length; reads += 1) {
    if (reads === MAX_READS) {
      for (; range < ends.length; range += 1) lost.add(range);
      break;
    }
    const found = await lostPlaces(db, tableId, { after, upTo, from: ends[range - 1], to: last });
    for (const [version, ord] of found) {
      while (range < places.length && isBehind([version, ord], places[range] as Place)) range += 1;
      lost.add(range);
    }
    if (found.length < PLACES_A_READ) break;
    // More of the range that the last place is in say nothing new.
    range += 1;
  }
  return lost;
}

type Place = readonly [version: number, ord: number];

function isBehind(a: Place, b: Place): boolean {
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}

/** A file goes by a remove, or by an add of the same path that takes its place: both lead to its path, and an index from there to it. */
async function lostPlaces(
  db: Queries,
  tableId: string,
  at: { readonly after: number; readonly upTo: number; readonly from: string | undefined; readonly to: string },
): Promise<readonly Place[]> {
  const id = uuid(tableId);
  const place = ["f.added_version", "f.ord"];
  const from = at.from === undefined ? sql`true` : db.dialect.compareRows(place, ">", placeOf(at.from));
  const rows = await db.read(sql`
    select distinct f.added_version, f.ord from (
      select path_key from dl_removes where table_id = ${id} and version > ${at.after} and version <= ${at.upTo}
      union
      select path_key from dl_files where table_id = ${id} and added_version > ${at.after} and added_version <= ${at.upTo}
    ) changed join dl_files f on f.table_id = ${id} and f.path_key = changed.path_key
      and f.removed_version > ${at.after} and f.removed_version <= ${at.upTo} and f.removed_version < ${OPEN}
    where f.added_version <= ${at.after} and ${from} and ${db.dialect.compareRows(place, "<=", placeOf(at.to))}
    order by f.added_version, f.ord limit ${PLACES_A_READ}`);
  return rows.map((row) => [integer(row, "added_version"), integer(row, "ord")]);
}
