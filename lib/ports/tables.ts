/** Tables of the catalog: their names, heads and states. */

import type { TableRef } from "../delta/request.ts";
import type { TableHead, TableState } from "../delta/table.ts";
import type { ListPage } from "./page.ts";

/** Reads of a table that is not ACTIVE find nothing, except `findTable` with `anyStatus`. */
export interface Tables {
  findTable(ref: TableRef, options?: { readonly anyStatus?: boolean }): Promise<TableHead | undefined>;
  listTables(options: {
    readonly namespace?: string;
    /** True: tables of the namespace itself alone, not those of `namespace.within`. */
    readonly isDirect?: boolean;
    readonly cursor?: string;
    readonly limit: number;
  }): Promise<ListPage<TableHead>>;
  /** The namespaces that tables lie in, by name: `a.b` of `a.b.t`. Looks at the names of all tables. */
  listNamespaces(options: { readonly cursor?: string; readonly limit: number }): Promise<ListPage<string>>;
  /**
   * A table that has this name, in any case of letters, or whose place is this one, within it or around it. A look ahead: what
   * makes a table looks again, under locks.
   * @param wanted.besides the id of a table that does not count
   */
  findClaim(wanted: {
    readonly name: string;
    readonly location: string;
    readonly besides?: string;
  }): Promise<Claim | undefined>;
  /** Pairs of live tables of which one lies within the other, as older releases let them be made. */
  nestedTables(limit: number): Promise<readonly { readonly outer: Claim; readonly inner: Claim }[]>;
  /** Heads with protocol and metadata, in one round trip; a missing table is missing from the answer. */
  readStates(refs: readonly TableRef[]): Promise<readonly TableState[]>;
  /** The table that lives at a location. */
  tableAt(location: string): Promise<TableHead | undefined>;
}

/** Who has a name and a place. */
export interface Claim {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
}
