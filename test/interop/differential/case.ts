/** What the differential test is made of: good tables, and requests that differ from good ones in one thing. */

import type { JsonObject } from "../../../lib/delta/values/json.ts";
import type { Row } from "../support/engines.ts";

export interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly nullable: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A good table: what creates it, and the rows of its data files. */
export interface Base {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  /** The partition values of every good file. */
  readonly partitionValues?: Readonly<Record<string, string>>;
  /** These as readers give them. */
  readonly partitionRow?: Row;
  /** Sent with the first commit that adds files. */
  readonly firstActions?: readonly JsonObject[];
  /** A row of file n, as `make_files.py` takes it; without partition columns. */
  row(id: number): Readonly<Record<string, unknown>>;
}

/** One of the data files that a base has in store: not in the table before it is committed. */
export interface StoredFile {
  readonly add: JsonObject;
  /** By the names of columns, with partition columns. */
  readonly rows: readonly Row[];
  /** Where it lies, from the table's root. */
  readonly path: string;
}

/** The table as it is when the mutated request is made. */
export interface Standing {
  readonly name: string;
  readonly folder: string;
  readonly version: number;
  readonly metaData: JsonObject;
  readonly protocol: JsonObject;
  /** Files that are live. */
  readonly live: readonly StoredFile[];
  /** A file that is not live yet; another one at each call. */
  next(): StoredFile;
  /** Lays a copy of a data file where the case wants it, before it is named in an `add`. */
  lay(file: StoredFile, path: string): StoredFile;
}

/** What is sent, and which rows the table has when that is taken. */
export interface Sent {
  readonly actions: readonly (JsonObject | string)[];
  /** More members of the request. */
  readonly more?: JsonObject;
  /** Rows that come on top of those of live files. */
  readonly added?: readonly Row[];
  /** Files whose rows are gone. */
  readonly removed?: readonly StoredFile[];
  /** All rows, where it is not about more or fewer; or those of the files that the service lists afterwards. */
  readonly rows?: readonly Row[] | "as listed";
  /** Files that may be among those listed, beside the live ones. */
  readonly files?: readonly StoredFile[];
}

export interface Case {
  readonly kind: string;
  readonly name: string;
  readonly base: string;
  /** A change of the request that makes the table. */
  readonly create?: (body: JsonObject) => JsonObject;
  /** A change of the commits of a good table, which is then imported. */
  readonly import?: (version: number, lines: readonly string[]) => readonly string[];
  /** The request that follows two good files. Absent: the table itself is the mutation. */
  readonly commit?: (table: Standing) => Sent;
  /** What the mutation makes of every row. */
  readonly reshape?: (row: Row) => Row;
  /** Adds files of its own and changes nothing else, so that many such cases may share a table. */
  readonly additive?: boolean;
}

/** Stands for a value that the case does not know; all readers must give the same one. */
export const ANY = "⟨any value⟩";
