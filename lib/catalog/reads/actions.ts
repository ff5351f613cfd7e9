/** A part of one version, for whoever cannot take it whole: an import or a backfill commits a million actions at once. */

import { type Commit, NO_ACTIONS } from "../../delta/actions.ts";
import type { ActionPlace, CommitPart, PageLimits } from "../../ports.ts";
import { join, type Queries, raw, type Sql, sql, uuid } from "../database.ts";
import type { Dialect } from "../dialect.ts";
import { integer, storedUuid } from "../rows/values.ts";
import { tableNotFound } from "../tables.ts";
import { ACTION_ROWS, type ActionKind, commitRows, commitsIn, NO_FILE } from "./commits.ts";
import { LISTED, pickedRows, rowBytes } from "./weighed.ts";

/** Before all actions of a version. */
const START: ActionPlace = { kind: -1, ord: 0 };

/** @throws LakeError notFound: TABLE_NOT_FOUND, VERSION_NOT_FOUND, VERSION_NOT_RETAINED */
export async function readActions(
  db: Queries,
  tableId: string,
  version: number,
  { after = START, limit, maxBytes = Number.MAX_SAFE_INTEGER }: PageLimits & { readonly after?: ActionPlace },
): Promise<CommitPart> {
  const id = storedUuid(tableId);
  if (id === undefined) throw tableNotFound(tableId);
  const { cast } = db.dialect;
  const rows = await db.read(
    commitRows(db.dialect, id, {
      from: sql`${version}`,
      to: sql`${version}`,
      before: sql`${pickedActions(db.dialect, id, version, { after, limit, maxBytes })},`,
      only,
      also: sql`
        union all
        select 'place', ${version}, k.ord, ${NO_FILE}, ${cast(sql`k.kind`, "text")}
        from picked_actions k
        union all
        select 'listed', ${version}, 0, ${NO_FILE}, ${cast(LISTED, "text")}`,
    }),
  );
  const [commit] = commitsIn({ tableId, from: version, to: version }, rows);
  if (commit === undefined) throw tableNotFound(tableId);
  const places = rows
    .filter((row) => row.kind === "place")
    .map((row) => ({ kind: Number(row.fields), ord: integer(row, "ord") }))
    .sort((a, b) => a.kind - b.kind || a.ord - b.ord);
  const listed = Number(rows.find((row) => row.kind === "listed")?.fields);
  return { commit: withoutInfo(commit, places), places, more: listed > places.length };
}

/** Keys of the actions after a place, in the order of the log, as many as a page holds. */
function pickedActions(
  dialect: Dialect,
  id: string,
  version: number,
  { after, limit, maxBytes }: Required<PageLimits> & { readonly after: ActionPlace },
): Sql {
  const keys = ACTION_ROWS.flatMap(({ kind: name, table, ordered, texts }, kind) => {
    if (kind < after.kind || (kind === after.kind && !ordered)) return [];
    const ord = ordered ? sql`a.ord` : sql`0`;
    const atVersion = raw(table === "dl_files" ? "a.added_version" : "a.version");
    const beyond = kind === after.kind ? sql`and a.ord > ${after.ord}` : sql``;
    const isThere = name === "commitInfo" ? sql`and a.commit_info is not null` : sql``;
    const order = ordered ? sql`order by a.ord limit ${limit + 1}` : sql``;
    return [
      sql`select * from (select ${raw(String(kind))} as kind, ${ord} as ord, ${raw(rowBytes("a", texts))} as bytes
        from ${raw(table)} a where a.table_id = ${uuid(id)} and ${atVersion} = ${version} ${beyond} ${isThere} ${order}) ${raw(`k${kind}`)}`,
    ];
  });
  const listed = sql`select * from (${join(keys, " union all ")}) k order by kind, ord limit ${limit + 1}`;
  return sql`${pickedRows(dialect, listed, sql`kind, ord`, maxBytes)},
    picked_actions as (select * from picked order by kind, ord limit ${limit})`;
}

/** Of a kind the rows between the first and the last that were picked: there are no others between. */
function only(kind: ActionKind, alias: string): Sql {
  const at = ACTION_ROWS.findIndex((row) => row.kind === kind);
  const picked = sql`from picked_actions k where k.kind = ${raw(String(at))}`;
  if (ACTION_ROWS[at]?.ordered !== true) return sql`and exists (select 1 ${picked})`;
  return sql`and ${raw(alias)}.ord between (select min(k.ord) ${picked}) and (select max(k.ord) ${picked})`;
}

/** The row of a version brings its commitInfo, also where that is not of this part. */
function withoutInfo(commit: Commit, places: readonly ActionPlace[]): Commit {
  if (places[0]?.kind === 0) return commit;
  const { commitInfo: _elsewhere, ...actions } = commit.actions;
  return { ...commit, actions: { ...NO_ACTIONS, ...actions } };
}
