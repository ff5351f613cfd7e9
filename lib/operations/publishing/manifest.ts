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
 * Tells the log of a place that a table has left where it went: a rebuild finds one table, not two. A hint, as all of this.
 * @returns true where the log tells it, or belongs to somebody else now
 */
export async function writeMoved(lake: Lake, tableId: string, from: string): Promise<boolean> {
  const log = lake.openLog(from);
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = await log.readManifest();
    const facts = await lake.catalog.readManifestFacts(tableId);
    if (facts === undefined || facts.manifest.location === from) return false;
    const there = bytes && decodeManifest(bytes);
    if (there !== undefined && there.tableId !== tableId) return true;
    const { location: movedTo, ...rest } = facts.manifest;
    const moved = encodeManifest({ ...rest, location: from, status: "moved", movedTo });
    if (bytes !== undefined && Buffer.compare(bytes, moved) === 0) return true;
    if (await log.putManifest(moved, { from: bytes })) return true;
  }
  return false;
}

/** What is there stays: it is newer, or a dropped table's place belongs to another one now. */
function isSuperseded(ours: Manifest, bytes: Uint8Array | undefined): boolean {
  const there = bytes && decodeManifest(bytes);
  if (bytes === undefined || there === undefined) return false;
  if (there.tableId !== ours.tableId) return ours.status === "dropped";
  return there.changes > ours.changes || Buffer.compare(bytes, encodeManifest(ours)) === 0;
}
