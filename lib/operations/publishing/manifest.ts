/** Tells a log which table it belongs to: writes the manifest, which a rebuild of the catalog begins with (ARCHITECTURE.md D53). */

import { decodeManifest, encodeManifest, type Manifest } from "../../delta/manifest.ts";
import type { Lake } from "../../ports.ts";

/** Another worker, or a successor at the same place, may be faster so often. */
const ROUNDS = 3;

export interface ManifestOptions {
  /** Where the table lives, if that is known; else SQL is asked first. */
  readonly location?: string;
  /** True: also where the log has been told, as its manifest may be lost. */
  readonly again?: boolean;
}

/**
 * Brings the manifest of a table up to what SQL says, also that of a dropped one. It is a hint: where this fails, it stays due.
 * @returns true when the log tells it all now
 * @throws LakeError unavailable; invalid where this process may not write the log
 */
export async function writeManifest(lake: Lake, tableId: string, options: ManifestOptions = {}): Promise<boolean> {
  let location = options.location ?? (await lake.catalog.readManifestFacts(tableId))?.manifest.location;
  for (let round = 0; round < ROUNDS && location !== undefined; round += 1) {
    const log = lake.openLog(location);
    // First what is there, then SQL: whoever lives here since put it after our look, and the put below then finds other bytes.
    const from = await log.readManifest();
    const facts = await lake.catalog.readManifestFacts(tableId);
    if (facts === undefined) return false;
    if (facts.told >= facts.manifest.changes && !options.again) return true;
    if (facts.manifest.location !== location) {
      location = facts.manifest.location;
      continue;
    }
    const isTold =
      isSuperseded(facts.manifest, from) || (await log.putManifest(encodeManifest(facts.manifest), { from }));
    if (!isTold) continue;
    await lake.catalog.markManifest(tableId, facts.manifest.changes);
    return true;
  }
  return false;
}

/**
 * Tells the log of a place that a table has left where it went: a rebuild finds one table, not two, and a database that is older than
 * the move is noticed by whoever lists the log.
 * @returns true where the log tells it, or belongs to somebody else now
 */
export async function writeMoved(lake: Lake, tableId: string, from: string): Promise<boolean> {
  const bytes = await writeElsewhere(lake, tableId, from);
  if (bytes === undefined) return false;
  if (decodeManifest(bytes)?.tableId === tableId) await lake.openLog(from).markMoved(bytes);
  return true;
}

/**
 * Tells the log of a place that its table lives elsewhere: of one that it has left, or where it is not yet.
 * @returns the manifest that is there now: this one, or that of another table; undefined where the table lives there
 */
export async function writeElsewhere(lake: Lake, tableId: string, from: string): Promise<Uint8Array | undefined> {
  const log = lake.openLog(from);
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = await log.readManifest();
    const facts = await lake.catalog.readManifestFacts(tableId);
    if (facts === undefined || facts.manifest.location === from) return undefined;
    const there = bytes && decodeManifest(bytes);
    if (there !== undefined && there.tableId !== tableId) return bytes;
    const { location: movedTo, ...rest } = facts.manifest;
    const moved = encodeManifest({ ...rest, location: from, status: "moved", movedTo });
    if (bytes !== undefined && Buffer.compare(bytes, moved) === 0) return moved;
    if (await log.putManifest(moved, { from: bytes })) return moved;
  }
  return undefined;
}

/** A table that SQL has at a place where it is no more. */
export interface MovedOn {
  readonly from: string;
  readonly to: string;
  /** Of the manifest of that place, or of this one. */
  readonly changes: number;
}

/** It may be moved so often before it is taken for a circle. */
const MOVES = 100;

/**
 * Where a table has gone, by the log of the place where SQL has it: then the database is older than the move. Asked where a listing says
 * that it may have moved; undefined where SQL knows better.
 */
export async function movedOn(
  lake: Lake,
  { tableId, location }: { readonly tableId: string; readonly location: string },
): Promise<MovedOn | undefined> {
  const told = await manifestAt(lake, tableId, location);
  const known = (await lake.catalog.readManifestFacts(tableId))?.manifest;
  if (told?.movedTo === undefined || known?.location !== location || known.changes >= told.changes) return undefined;
  let [to, { changes }]: readonly [string, Manifest] = [told.movedTo, told];
  for (let n = 0; n < MOVES; n += 1) {
    const next = await manifestAt(lake, tableId, to);
    changes = Math.max(changes, next?.changes ?? 0);
    // Where it was on its way to only, it says that the table is where it came from.
    if (next?.movedTo === undefined || next.movedTo === location || next.changes < told.changes) break;
    to = next.movedTo;
  }
  return { from: location, to, changes };
}

async function manifestAt(lake: Lake, tableId: string, location: string): Promise<Manifest | undefined> {
  const bytes = await lake.openLog(location).readManifest();
  const there = bytes && decodeManifest(bytes);
  return there?.tableId === tableId ? there : undefined;
}

/** Whether the log says that this table was given back: then its files are nobody's here. @throws LakeError unavailable */
export async function isEjected(
  lake: Lake,
  { tableId, location }: Pick<Manifest, "tableId" | "location">,
): Promise<boolean> {
  const bytes = await lake.openLog(location).readManifest();
  const manifest = bytes && decodeManifest(bytes);
  return manifest?.tableId === tableId && manifest.status === "ejected";
}

/** What is there stays: it is newer, or a dropped table's place belongs to another one now. */
function isSuperseded(ours: Manifest, bytes: Uint8Array | undefined): boolean {
  const there = bytes && decodeManifest(bytes);
  if (bytes === undefined || there === undefined) return false;
  if (there.tableId !== ours.tableId) return ours.status === "dropped";
  return there.changes > ours.changes || Buffer.compare(bytes, encodeManifest(ours)) === 0;
}
