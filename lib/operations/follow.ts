/**
 * The move from `_delta_log` to SQL that goes on: of a table that others write, SQL takes over what they have committed since the last
 * look. Their log and their files are only read (ARCHITECTURE.md D85).
 */

import type { TableRef } from "../delta/request.ts";
import { ageMs } from "../delta/values/age.ts";
import { errorText, LakeError } from "../errors.ts";
import type { Lake, TableHead } from "../ports.ts";
import { recallVacuum } from "./cleaning/recall-vacuum.ts";
import { noteHeads } from "./committing/behind-log.ts";
import { forgetTable } from "./committing/table-states.ts";
import { readLogAhead } from "./publishing/log-ahead.ts";
import { findHead } from "./read.ts";
import { rollForward } from "./recover.ts";

export interface FollowedTable {
  readonly tableId: string;
  readonly table: string;
  /** The head before, … */
  readonly from: number;
  /** … and after: the newest version that the log had when it was looked at. */
  readonly to: number;
}

/**
 * Looks once at the log of a followed table, and takes over what it has more. One LIST where it has nothing more. Harmless beside itself;
 * killed anywhere, the next look finishes. What it finds, or why it could not take it over, is written down for whoever shows the table.
 * @throws LakeError notFound; conflict: TABLE_NOT_FOLLOWED, LOG_GAP, LOG_WENT_BACK; corrupt, invalid where the log cannot be read;
 *   unavailable
 */
export async function followTable(lake: Lake, ref: TableRef): Promise<FollowedTable> {
  const head = await findHead(lake, ref);
  const { tableId, name: table, version: from, followed } = head;
  if (followed === undefined) throw notFollowed(head);
  const lookedAt = lake.clock.now();
  let logVersion = followed.logVersion;
  try {
    const ahead = await readLogAhead(lake, head);
    logVersion = ahead.newest;
    if (ahead.newest < from) throw wentBack(head);
    if (ahead.restart) throw gap(head, ahead.logVersion);
    const to = ahead.logVersion;
    if (to > from) await takeVersions(lake, head, { ahead, limit: to });
    await lake.catalog.noteFollowed(tableId, { lookedAt, logVersion });
    return { tableId, table, from, to };
  } catch (error) {
    await lake.catalog.noteFollowed(tableId, { lookedAt, logVersion, error: errorText(error) }).catch(() => undefined);
    lake.metrics.record("FollowFailures", 1, "Count", { tableId, error: errorText(error) });
    throw error;
  }
}

async function takeVersions(lake: Lake, head: TableHead, planned: Parameters<typeof rollForward>[1]): Promise<void> {
  const { tableId, version } = head;
  const oldest = planned.ahead.commits[0]?.modifiedAt;
  await rollForward(lake, planned, () => {});
  forgetTable(lake, head);
  const now = await findHead(lake, { tableId });
  await recallVacuum(lake, now, version);
  noteHeads(lake, [now]);
  if (oldest === undefined) return;
  lake.metrics.record("FollowLag", ageMs(lake.clock.now(), oldest), "Milliseconds", { tableId, version: version + 1 });
}

export function notFollowed({ tableId, name }: TableHead): LakeError {
  return new LakeError("conflict", `"${name}" is written here: there is nothing to follow`, {
    code: "TABLE_NOT_FOLLOWED",
    hint: "`dl import --follow` takes in a table that others go on writing.",
    facts: { tableId },
  });
}

/** Rows would have to be made anew, during which nobody could read the table: a person decides when. */
function gap({ tableId, name, version }: TableHead, logVersion: number): LakeError {
  return new LakeError(
    "conflict",
    `the log of "${name}" does not go on from version ${version}: its writers have cleaned it`,
    {
      code: "LOG_GAP",
      hint: `\`dl recover ${name}\` begins anew from the oldest checkpoint above; until it is done the table cannot be read here.`,
      facts: { tableId, version, logVersion },
    },
  );
}

function wentBack({ tableId, name, location, version }: TableHead): LakeError {
  return new LakeError(
    "conflict",
    `version ${version} of "${name}" is not in its log any more: another table may be there now`,
    {
      code: "LOG_WENT_BACK",
      at: `${location}/_delta_log`,
      hint: `\`dl drop ${name}\` forgets what it was here, and \`dl import ${location} --follow\` takes in what is there now.`,
      facts: { tableId, version },
    },
  );
}
