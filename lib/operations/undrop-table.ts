/** Brings a dropped table back, with all its versions, at its place: as long as nothing else has lived there since. */

import { commitFileName } from "../delta/files/log-files.ts";
import type { TableRef } from "../delta/request.ts";
import { LakeError } from "../errors.ts";
import type { DroppedHead, Lake, Noting, TableHead, UndropOutcome } from "../ports.ts";
import { forgetTable } from "./committing/table-states.ts";
import { checkTableName } from "./create-table.ts";
import { isEjected } from "./publishing/manifest.ts";
import { taken } from "./tables/free-place.ts";
import { missingTable, undropWindowMs } from "./tables/missing-table.ts";

export interface UndroppedTable {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  readonly version: number;
}

/**
 * Undoes a drop within the window. Versions that the drop gave up are there again, and published. A table that is there already
 * stays as it is: whoever lost the answer may ask again.
 * @param ref by a name the table is meant that was dropped last under it
 * @param options.name another name than it had
 * @throws LakeError notFound; conflict: TABLE_EXISTS, LOCATION_TAKEN, LOCATION_OVERLAPS, LOCATION_REUSED, LOG_AHEAD, TABLE_EJECTED, UNDROP_WINDOW_OVER
 */
export async function undropTable(
  lake: Lake,
  ref: TableRef,
  options: { readonly name?: string; readonly noting?: Noting | undefined } = {},
): Promise<UndroppedTable> {
  if (options.name !== undefined) checkTableName(options.name);
  const dropped = (await lake.catalog.whereabouts(ref))?.dropped;
  if (dropped === undefined) return alreadyThere(lake, ref, options);
  await checkLogIsOurs(lake, dropped);
  const windowMs = undropWindowMs(lake);
  const outcome = await lake.catalog.undropTable(dropped.tableId, { ...options, windowMs });
  if (outcome.status !== "back") throw refusal(outcome, windowMs);
  const { head } = outcome;
  forgetTable(lake, head);
  // A hint: what the drop gave up is published, and the log is told.
  await lake.queue.enqueue([head]);
  return answerOf(head);
}

async function alreadyThere(lake: Lake, ref: TableRef, { name }: { readonly name?: string }): Promise<UndroppedTable> {
  const head = await lake.catalog.findTable(ref);
  if (head !== undefined && (name === undefined || name === head.name)) return answerOf(head);
  if (head === undefined) throw await missingTable(lake, ref);
  throw new LakeError("conflict", `the table "${head.name}" is not dropped`, {
    code: "TABLE_EXISTS",
    hint: "`dl rename` gives a table another name.",
    facts: { tableId: head.tableId },
  });
}

/** While the table was dropped, its log was nobody's: who wrote on would be lost. A look ahead, before anything is changed. */
async function checkLogIsOurs(lake: Lake, dropped: DroppedHead): Promise<void> {
  // It is followed again from where it was.
  if (dropped.isFollowed) return;
  const { name, location, version } = dropped;
  if (await isEjected(lake, dropped)) {
    throw new LakeError("conflict", `"${name}" was given back (\`dl eject\`): others may be writing it`, {
      code: "TABLE_EJECTED",
      at: location,
      hint: `\`dl import ${location} --name ${name}\` takes the table in as its log is now, as a new table.`,
      facts: { tableId: dropped.tableId, location },
    });
  }
  const { commits, checkpoints } = await lake.openLog(location).listFrom(version + 1);
  const top = Math.max(-1, ...[...commits, ...checkpoints].map((file) => file.version));
  if (top <= version) return;
  throw new LakeError("conflict", `somebody has written to "${name}" since it was dropped, up to version ${top}`, {
    code: "LOG_AHEAD",
    at: `${location}/_delta_log/${commitFileName(top)}`,
    hint: `\`dl import ${location}\` takes the table in as its log is now, as a new table.`,
    facts: { version, logVersion: top },
  });
}

function refusal(outcome: Exclude<UndropOutcome, { status: "back" }>, windowMs: number): LakeError {
  if (outcome.status === "gone") return windowOver(outcome.table, windowMs);
  const { by, wanted, status } = outcome;
  if (status === "reused") {
    return new LakeError(
      "conflict",
      `since then the table "${by.name}" has lived at ${wanted.location}: the log is its log`,
      {
        code: "LOCATION_REUSED",
        hint: `Bring that one back (\`dl undrop --table-id ${by.tableId}\`), or take in what is there now: \`dl import ${wanted.location}\`.`,
        facts: { tableId: by.tableId, name: by.name, location: by.location },
      },
    );
  }
  return taken(wanted, by, "Bring it back under another name: `dl undrop --as`, or `name` in the request.");
}

function windowOver({ name, location, droppedAt, purgedAt }: DroppedHead, windowMs: number): LakeError {
  const until = new Date(droppedAt + windowMs).toISOString();
  const why = purgedAt === undefined ? `it could come back until ${until}` : "it has been purged since";
  const longer = purgedAt === undefined ? "Set tables.undrop_window_days higher while its rows are there; else " : "";
  return new LakeError("conflict", `"${name}" was dropped on ${new Date(droppedAt).toISOString()}: ${why}`, {
    code: "UNDROP_WINDOW_OVER",
    hint: `${longer}\`dl import ${location}\` takes its files in as a new table.`,
    facts: { droppedAt },
  });
}

function answerOf({ tableId, name, location, version }: TableHead): UndroppedTable {
  return { tableId, name, location, version };
}
