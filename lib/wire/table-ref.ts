/** How people and paths name a table: by its UUID, or as namespace.name. */

import type { TableRef } from "../delta/request.ts";
import { invalid } from "../errors.ts";

/** Any UUID, whatever its version. */
export const UUID = /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/;

/** A table as a person or a path names it. @throws LakeError invalid */
export function tableRef(text: string): TableRef {
  if (UUID.test(text)) return { tableId: text.toLowerCase() };
  if (text.includes(".")) return { name: text };
  throw invalid(`"${text}" names no table`, { hint: "Give its UUID, or its name as namespace.name." });
}

/** @throws LakeError invalid unless exactly one of the two is given */
export function refOf(given: { tableId?: string | undefined; table?: string | undefined }, at: string): TableRef {
  if (given.tableId !== undefined && given.table === undefined) return { tableId: given.tableId };
  if (given.table !== undefined && given.tableId === undefined) return { name: given.table };
  throw invalid(given.tableId === undefined ? "the table is not named" : "the table is named twice", {
    at,
    hint: 'Give "tableId" (a UUID) or "table" (namespace.name), one of the two.',
  });
}
