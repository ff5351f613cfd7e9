/** What is said of a table that is not there: whether it was dropped and can come back, or goes by another name now. */

import type { TableRef } from "../../delta/request.ts";
import { type LakeError, notFound } from "../../errors.ts";
import type { DroppedHead, Lake } from "../../ports.ts";

/** How long a drop can be undone, where nothing is configured. */
const UNDROP_WINDOW_MS = 7 * 86_400_000;

/** Milliseconds after a drop in which it can be undone. */
export function undropWindowMs(lake: Pick<Lake, "undropWindowMs">): number {
  return lake.undropWindowMs ?? UNDROP_WINDOW_MS;
}

/** Milliseconds until when a dropped table can come back; undefined when it cannot. */
export function undropUntil(
  lake: Pick<Lake, "undropWindowMs" | "clock">,
  { droppedAt, purgedAt }: DroppedHead,
): number | undefined {
  const until = droppedAt + undropWindowMs(lake);
  return purgedAt === undefined && until >= lake.clock.now() ? until : undefined;
}

/** A look into the history of names and drops: one round trip, which only those pay who have found nothing. */
export async function missingTable(lake: Lake, ref: TableRef): Promise<LakeError> {
  const { renamed, dropped } = (await lake.catalog.whereabouts(ref)) ?? {};
  if (renamed !== undefined) {
    const { tableId, name, since } = renamed;
    return notFound(`there is no table named "${nameIn(ref)}": it has been called "${name}" since ${iso(since)}`, {
      code: "TABLE_NOT_FOUND",
      hint: "Use the new name, or the id of the table, which stays the same.",
      facts: { table: ref, tableId, renamedTo: name },
    });
  }
  if (dropped !== undefined) return droppedError(lake, ref, dropped);
  return tableNotFound(ref);
}

function droppedError(lake: Lake, ref: TableRef, dropped: DroppedHead): LakeError {
  const { tableId, name, location, droppedAt } = dropped;
  const until = undropUntil(lake, dropped);
  const facts = { table: ref, tableId, droppedAt };
  const what = `the table "${name}" was dropped on ${iso(droppedAt)}`;
  if (until === undefined) {
    return notFound(`${what}, and can no longer come back`, {
      code: "TABLE_NOT_FOUND",
      hint: `\`dl import ${location}\` takes its files in as a new table, as long as they are there.`,
      facts,
    });
  }
  return notFound(`${what}; until ${iso(until)} it can come back`, {
    code: "TABLE_NOT_FOUND",
    hint: `\`dl undrop ${name}\` or POST /v1/tables/${tableId}/undrop brings it back.`,
    facts: { ...facts, undropUntil: until },
  });
}

/** Where nothing more is to be said. */
export function tableNotFound(ref: TableRef): LakeError {
  const name = "tableId" in ref ? `with the id ${ref.tableId}` : `named "${ref.name}"`;
  return notFound(`there is no table ${name}`, {
    code: "TABLE_NOT_FOUND",
    hint: "`dl tables` and GET /v1/tables list the tables of this catalog.",
    facts: { table: ref },
  });
}

function nameIn(ref: TableRef): string {
  return "name" in ref ? ref.name : ref.tableId;
}

function iso(timestamp: number): string {
  return new Date(timestamp).toISOString();
}
