/** Whether a table can be made at a place: who has its name, who lives there, whether a log is there, whether it can be written. */

import { cannotHold, placeTaken } from "../../delta/files/locations.ts";
import { isLakeError, LakeError } from "../../errors.ts";
import type { DeltaLog, Lake } from "../../ports.ts";

/** Where a table is to be made, and how it will be called. */
export interface Place {
  readonly name: string;
  readonly location: string;
}

/** @param by who has the name, or a place that touches this one */
export function taken(wanted: Place, by: Place, hint?: string): LakeError {
  if (by.name.toLowerCase() === wanted.name.toLowerCase()) return nameTaken(wanted.name, by.name, hint);
  return placeTaken(wanted.location, by);
}

/** @param hint what can be done, where it is not to choose another name */
export function nameTaken(
  name: string,
  other: string,
  hint = "Choose another name, or drop the table first.",
): LakeError {
  const inOtherCase = other === name ? "" : `, and "${name}" differs from it only by case`;
  return new LakeError("conflict", `there is a table named "${other}" already${inOtherCase}`, {
    code: "TABLE_EXISTS",
    at: "/name",
    hint,
  });
}

/**
 * What would be refused is refused before anything is written there. The statement that makes the table decides again, under locks.
 * @returns the location as its store spells it
 */
export async function freePlace(lake: Lake, { name, location }: Place): Promise<string> {
  const claim = await lake.catalog.findClaim({ name, location });
  if (claim) throw taken({ name, location }, claim);
  await checkNoLog(lake, location);
  return (await lake.tryLocation?.(location)) ?? location;
}

/** A log that a table shall go on with holds nothing that the table does not have. @throws LakeError conflict with this code */
export async function requireNothingAbove(log: DeltaLog, version: number, code: string): Promise<void> {
  const { commits, checkpoints } = await log.listFrom(version + 1);
  if (commits.length + checkpoints.length === 0) return;
  throw new LakeError(
    "conflict",
    `there is a log at ${log.location} already, and it goes on above version ${version}`,
    { code, hint: "Choose an empty folder." },
  );
}

async function checkNoLog(lake: Lake, location: string): Promise<void> {
  try {
    const listing = await lake.openLog(location).list();
    if (listing.commits.length + listing.checkpoints.length === 0 && !listing.hasStagedCommits) return;
  } catch (error) {
    if (isLakeError(error, "notFound")) return;
    throw cannotHold(location, error);
  }
  throw new LakeError("conflict", `there is a Delta table at ${location} already`, {
    code: "DELTA_LOG_EXISTS",
    at: "/location",
    hint: "POST /v1/tables/import (or `dl import`) takes it into the catalog, also one that was dropped; for a new table, choose another location, or remove what is there.",
  });
}
