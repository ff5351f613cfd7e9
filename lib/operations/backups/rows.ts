/** What a backup takes of each set of rows: what was there at the cut, less what the backups before it have. */

import { OPEN_VERSION } from "../../delta/table.ts";
import { parseJson } from "../../delta/values/json.ts";
import type { BackupRow, BackupSet, Catalog, CommittedTable, RowPage, RowsWanted } from "../../ports.ts";

/** A table in a backup, and from where on. */
export interface TablePart {
  readonly tableId: string;
  /** Of the cut. */
  readonly version: number;
  readonly changes: number;
  /** The base has the rows up to here; absent where it has none that can be gone on from. */
  readonly after?: number;
  /** The base has the lines of the outbox up to here, and all of these are published. */
  readonly settled?: number;
}

export interface RowsPlan {
  readonly kind: "full" | "incremental";
  readonly tables: ReadonlyMap<string, TablePart>;
  /** False where transactions cannot be found by the versions that they made: all are taken then. */
  readonly byVersion: boolean;
}

/** The rows of a set, page by page. */
export async function* rowsOf(catalog: Catalog, set: BackupSet, plan: RowsPlan): AsyncGenerator<readonly BackupRow[]> {
  const taken = taking(catalog, set, plan);
  for (const wanted of wantedOf(set, plan)) {
    for await (const { rows } of pagesOf(catalog, wanted)) {
      const kept = await taken(rows, wanted);
      if (kept.length > 0) yield kept;
    }
  }
}

async function* pagesOf(catalog: Catalog, wanted: RowsWanted): AsyncGenerator<RowPage> {
  let cursor: string | undefined;
  do {
    const page: RowPage = await catalog.readRows({ ...wanted, ...(cursor === undefined ? {} : { cursor }) });
    yield page;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** True where every row of the set is taken, and not only what an increment has. */
export function isTakenWhole({ kind }: BackupSet, { kind: of, byVersion }: Omit<RowsPlan, "tables">): boolean {
  return of === "full" || ["heads", "changes", "whole"].includes(kind) || (kind === "transactions" && !byVersion);
}

/** Scans go through a whole set, tables that have changed are read one by one. */
function* wantedOf(rows: BackupSet, plan: RowsPlan): Generator<RowsWanted> {
  const { name: set, kind } = rows;
  const { kind: of, tables } = plan;
  if (kind === "heads" || (kind === "ended" && of === "full")) return;
  if (isTakenWhole(rows, plan)) {
    yield { set };
    return;
  }
  for (const { tableId, version, after = -1, settled = after } of tables.values()) {
    const from = kind === "outbox" ? settled : after;
    if (from >= version || (kind === "ended" && after < 0)) continue;
    yield { set, range: { tableId, after: from, upTo: version } };
  }
}

type Take = (rows: readonly BackupRow[], wanted: RowsWanted) => Promise<readonly BackupRow[]>;

/** A part of an answer as it is stored; of a table that is not known yet it has no version. */
type StoredPart = Pick<CommittedTable, "tableId"> & Partial<CommittedTable>;

/** Leaves out what came after the cut: a scan goes on while commits do. */
function taking(catalog: Catalog, set: BackupSet, { tables }: RowsPlan): Take {
  if (set.kind === "whole") return async (rows) => rows;
  if (set.kind === "transactions")
    return (rows, { range }) => transactionsAtCut(catalog, set, tables, rows, range?.tableId);
  const at = (name: string) => set.columns.indexOf(name);
  const [tableAt, endAt] = [at("table_id"), at("removed_version")];
  const versionAt = [at("added_version"), at("version"), at("change")].find((place) => place >= 0) ?? -1;
  return async (rows) =>
    rows.flatMap((row) => {
      const table = tables.get(String(row[tableAt]));
      const cut = (set.kind === "changes" ? table?.changes : table?.version) ?? -1;
      if (Number(row[versionAt]) > cut) return [];
      if (endAt < 0 || Number(row[endAt]) <= cut) return [row];
      // It was live at the cut.
      return set.kind === "ended" ? [] : [row.with(endAt, OPEN_VERSION)];
    });
}

/**
 * A transaction moves all of its tables in one commit, so one of them tells whether it was before the cut.
 * @param of the table by whose versions it was found; the first one that has it takes it
 */
async function transactionsAtCut(
  catalog: Catalog,
  set: BackupSet,
  tables: RowsPlan["tables"],
  rows: readonly BackupRow[],
  of: string | undefined,
): Promise<readonly BackupRow[]> {
  const resultAt = set.columns.indexOf("result");
  const found = rows.map((row) => ({
    row,
    parts: parseJson(String(row[resultAt])) as unknown as readonly StoredPart[],
  }));
  const isKnown = ({ tableId, version }: StoredPart) => version !== undefined && tables.has(tableId);
  const strangers = found.flatMap(({ parts }) => (parts.some(isKnown) ? [] : parts.map(({ tableId }) => tableId)));
  // A table that is there and was not at the cut came later; of one that is gone altogether the ids are kept for ever.
  const later = strangers.length === 0 ? new Set() : await catalog.tablesAmong([...new Set(strangers)]);
  const kept = found.filter(({ parts }) => {
    const known = parts.filter(isKnown);
    if (known.length === 0) return !parts.some(({ tableId }) => later.has(tableId));
    if (!known.every(({ tableId, version = 0 }) => version <= (tables.get(tableId)?.version ?? -1))) return false;
    const first = known.find(({ tableId, version = 0 }) => version > (tables.get(tableId)?.after ?? -1));
    return of === undefined || first === undefined || first.tableId === of;
  });
  return kept.map(({ row }) => row);
}
