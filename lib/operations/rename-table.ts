/** Gives a table another name: nothing moves, and whoever asks for the former name is told the new one. */

import type { TableRef } from "../delta/request.ts";
import type { Lake, Noting } from "../ports.ts";
import { forgetTable } from "./committing/table-states.ts";
import { checkTableName } from "./create-table.ts";
import { findHead } from "./read.ts";
import { nameTaken } from "./tables/free-place.ts";

export interface RenamedTable {
  readonly tableId: string;
  readonly name: string;
  /** The same as the name where it had that already. */
  readonly formerName: string;
  readonly location: string;
}

/**
 * Renames a table, by the rules for names of new tables. Commits that were planned for the former name find out in their own
 * statement. Repeated, also after a lost answer, it changes nothing.
 * @throws LakeError notFound; invalid; conflict TABLE_EXISTS
 */
export async function renameTable(lake: Lake, ref: TableRef, name: string, noting?: Noting): Promise<RenamedTable> {
  checkTableName(name);
  const { tableId } = await findHead(lake, ref);
  const outcome = await lake.catalog.renameTable(tableId, name, noting);
  if (outcome.status === "taken") throw nameTaken(name, outcome.by.name);
  const { head, formerName } = outcome;
  for (const known of [name, formerName]) forgetTable(lake, { tableId, name: known });
  // A hint: the log is told.
  await lake.queue.enqueue([head]);
  return { tableId, name, formerName, location: head.location };
}
