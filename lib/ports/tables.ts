/** Tables of the catalog: their names, heads and states. */

import type { TableRef } from "../delta/request.ts";
import type { TableHead, TableState } from "../delta/table.ts";
import type { Page } from "./page.ts";

/** Reads of a table that is not ACTIVE find nothing, except `findTable` with `anyStatus`. */
export interface Tables {
  findTable(ref: TableRef, options?: { readonly anyStatus?: boolean }): Promise<TableHead | undefined>;
  listTables(options: {
    readonly namespace?: string;
    readonly cursor?: string;
    readonly limit: number;
  }): Promise<Page<TableHead>>;
  /** Heads with protocol and metadata, in one round trip; a missing table is missing from the answer. */
  readStates(refs: readonly TableRef[]): Promise<readonly TableState[]>;
  /** Forgets a table: its name and location are free again, its rows stay for audit, its files are not touched. */
  dropTable(tableId: string): Promise<void>;
}
