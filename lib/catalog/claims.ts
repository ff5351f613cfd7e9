/** Who has a name or a place: decided under locks in the statement that makes a table, and looked at before. */

import { placesAbove } from "../delta/files/locations.ts";
import type { Claim } from "../ports.ts";
import { join, type Queries, type Row, sql, uuid } from "./database.ts";
import { text } from "./rows/values.ts";

/** A table to be made. */
interface Wanted {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
}

/** Rows of dl_tables that stand in the way; of those within the place one. Each part is a look into an index. */
export async function readClaims(db: Queries, { tableId, name, location }: Wanted): Promise<readonly Row[]> {
  const live = sql`status <> 'DELETED'`;
  return db.read(sql`
    select * from dl_tables where table_id = ${uuid(tableId)}
    union all
    select * from dl_tables where lower(name) = lower(${name}) and ${live}
    union all
    select * from dl_tables where location in (${join([location, ...placesAbove(location)])}) and ${live}
    union all
    select * from (select * from dl_tables where location > ${`${location}/`} and location < ${`${location}0`} and ${live}
      order by location limit 1) w`);
}

/** The one to name in a refusal: who has the name, or else the outermost that is in the place. */
export function firstClaim(rows: readonly Row[], name: string): Claim | undefined {
  const claims = rows.map(
    (row): Claim => ({ name: text(row, "name"), location: text(row, "location"), tableId: text(row, "table_id") }),
  );
  const named = claims.find((claim) => claim.name.toLowerCase() === name.toLowerCase());
  return named ?? claims.toSorted((a, b) => (a.location < b.location ? -1 : 1))[0];
}

/** True when two of these places touch. */
export function touch(locations: readonly string[]): boolean {
  const sorted = locations.toSorted();
  const places = new Set(sorted);
  return places.size < sorted.length || sorted.some((place) => placesAbove(place).some((above) => places.has(above)));
}
