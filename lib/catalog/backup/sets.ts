/**
 * What a backup is made of, derived from the schema: each table says what binds its rows to versions, so a new table or column
 * is in a backup as soon as it is in a migration.
 */

import type { BackupSet } from "../../ports.ts";
import type { TypedColumn } from "../dialect.ts";
import type { TableSpec } from "../migrations/ddl.ts";
import { SCHEMA } from "../migrations/index.ts";

export interface RowSet extends BackupSet {
  readonly table: string;
  readonly typed: readonly TypedColumn[];
  /** The primary key of the table. */
  readonly key: readonly string[];
  /** The column that binds a row to a version of its table. */
  readonly version?: string;
}

/** The end of a file's life, in a backup that goes on from one in which the file was live. */
export const ENDED = "dl_files.ended";

const VERSION: Readonly<Partial<Record<BackupSet["kind"], string>>> = {
  versions: "version",
  files: "added_version",
  outbox: "version",
};

function setOf({ name, backup, columns, primaryKey }: TableSpec): readonly RowSet[] {
  if (backup === "schema" || backup === "none") return [];
  const version = VERSION[backup];
  const set: RowSet = {
    name,
    table: name,
    kind: backup,
    columns: columns.map((column) => column.name),
    typed: columns.map(({ name: column, type }) => ({ name: column, type })),
    key: primaryKey,
    ...(version === undefined ? {} : { version }),
  };
  // First the ends: the same file may be live again.
  return backup === "files" ? [endsOf(set), set] : [set];
}

function endsOf(files: RowSet): RowSet {
  const wanted = [...files.key, "removed_version"];
  return {
    ...files,
    name: ENDED,
    kind: "ended",
    columns: wanted,
    typed: wanted.map((name) => files.typed.find((column) => column.name === name) as TypedColumn),
  };
}

/** Versions come first, as they tell how to read others, and heads last: a table is there when all of its rows are. */
const rank = ({ name, kind }: RowSet): number => (name === "dl_versions" ? 0 : kind === "heads" ? 2 : 1);

export const ROW_SETS: readonly RowSet[] = SCHEMA.flatMap(setOf).sort((a, b) => rank(a) - rank(b));

export function rowSet(name: string): RowSet {
  const found = ROW_SETS.find((set) => set.name === name);
  if (found === undefined) throw new RangeError(`there is no set of rows "${name}"`);
  return found;
}
