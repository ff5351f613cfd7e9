/** Tables that lived at a location before, and the one that lives there now: they tell whose a file is that is found in its log. */

import type { Commit } from "../../delta/actions.ts";
import type { TableHead } from "../../delta/table.ts";
import { type Queries, sql } from "../database.ts";
import { headOf } from "../rows/heads.ts";
import { text } from "../rows/values.ts";
import { commitRows, commitsOf } from "./commits.ts";

/** Undefined, too, while the table there is being imported. */
export async function tableAt(db: Queries, location: string): Promise<TableHead | undefined> {
  const [row] = await db.read(
    sql`select t.* from dl_tables t where t.location = ${location} and t.status <> 'DELETED' and t.status = 'ACTIVE'`,
  );
  return row && headOf(row);
}

/** A round trip for the tables, and one for each of them that had the version and did not import it. */
export async function formerCommits(db: Queries, location: string, version: number): Promise<readonly Commit[]> {
  const lives = await db.read(sql`
    select t.table_id from dl_tables t
    where t.location = ${location} and t.status = 'DELETED' and exists (select 1 from dl_versions v
      where v.table_id = t.table_id and v.version = ${version} and v.transaction_id is not null)
    order by t.dropped_at desc`);
  const commits: Commit[] = [];
  for (const life of lives) {
    const range = { from: sql`${version}`, to: sql`${version}` };
    commits.push(...commitsOf(await db.read(commitRows(db.dialect, text(life, "table_id"), range))));
  }
  return commits;
}
