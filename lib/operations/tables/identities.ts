/**
 * Names and drops that logs know and a database does not, as it is older: taken over from their manifests, of all tables at once,
 * since names change hands (ARCHITECTURE.md D53).
 */

import { decodeManifest, type Manifest } from "../../delta/manifest.ts";
import { dropIn } from "../../delta/rebuild-plan.ts";
import { isLakeError } from "../../errors.ts";
import type { AdoptedLife, Claim, Lake, TableHead } from "../../ports.ts";
import { forgetTable } from "../committing/table-states.ts";
import { inTurn } from "../in-turn.ts";
import { writeManifest } from "../publishing/manifest.ts";
import { allTables } from "../read.ts";
import { lifeOf } from "./former-life.ts";

export interface IdentityChange {
  readonly tableId: string;
  /** As SQL knew it, … */
  readonly table: string;
  /** … and as its log does. */
  readonly name: string;
  readonly changes: readonly ("renamed" | "dropped" | "undropped")[];
  readonly location: string;
  /** Nothing of this was taken over: a live table that is in the way, … */
  readonly blockedBy?: Claim;
  /** … or that the drop waits until all of its versions are taken over. */
  readonly waits?: true;
}

const LOOKS_AT_ONCE = 8;

/** A table whose log knows more of it than SQL. */
interface Newer {
  /** Set where the table has moved since: what its new log says is true when a recovery has followed it. */
  readonly isMoved?: true;
  readonly known: Pick<TableHead, "tableId" | "name" | "location"> & { readonly isDropped: boolean };
  readonly manifest: Manifest;
}

/** Of these tables, or of all that there are, dropped ones too. @param only ids */
export async function newerIdentities(lake: Lake, only?: ReadonlySet<string>): Promise<readonly Newer[]> {
  const known: Newer["known"][] = [];
  for await (const { tableId, name, location } of allTables(lake)) {
    if (!only || only.has(tableId)) known.push({ tableId, name, location, isDropped: false });
  }
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await lake.catalog.listDropped({ limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    for (const { tableId, name, location } of page.items) {
      if (!only || only.has(tableId)) known.push({ tableId, name, location, isDropped: true });
    }
    cursor = page.next;
  }
  const newer: Newer[] = [];
  await inTurn(known, LOOKS_AT_ONCE, async (table) => {
    const manifest = await newerManifest(lake, table);
    if (manifest === undefined) return;
    if (manifest.status !== "moved") newer.push({ known: table, manifest });
    const location = manifest.movedTo;
    const there = location === undefined ? undefined : await manifestAt(lake, location);
    if (location === undefined || there?.tableId !== table.tableId || there.location !== location) return;
    newer.push({ known: { ...table, location }, manifest: there, isMoved: true });
  });
  return newer.sort((a, b) => (a.known.tableId < b.known.tableId ? -1 : 1));
}

async function newerManifest(lake: Lake, { tableId, location }: Newer["known"]): Promise<Manifest | undefined> {
  const manifest = await manifestAt(lake, location);
  if (manifest?.tableId !== tableId) return undefined;
  const facts = await lake.catalog.readManifestFacts(tableId);
  const isOurs = facts !== undefined && facts.manifest.catalogId === manifest.catalogId;
  return isOurs && manifest.changes > facts.manifest.changes ? manifest : undefined;
}

/** A hint, as all of this: where a log cannot be read, whoever needs its versions says so. */
async function manifestAt(lake: Lake, location: string): Promise<Manifest | undefined> {
  try {
    const bytes = await lake.openLog(location).readManifest();
    return bytes && decodeManifest(bytes);
  } catch (error) {
    if (isLakeError(error) && error.kind !== "unavailable") return undefined;
    throw error;
  }
}

/**
 * Takes over what the manifests say, in one SQL transaction: so names that were exchanged find each other free. What stands in the way of a table
 * leaves it as it was. A drop is believed of a table that has all of its versions, and no later one.
 * @param mayDrop of a table id
 * @param first what SQL knew of them before anything was changed
 */
export async function adoptIdentities(
  lake: Lake,
  newer: readonly Newer[],
  mayDrop: (tableId: string) => boolean,
  first: readonly Newer[] = newer,
): Promise<readonly IdentityChange[]> {
  const before = new Map(first.map(({ known }) => [known.tableId, known]));
  const changes: IdentityChange[] = [];
  const lives: AdoptedLife[] = [];
  for (const { known, manifest, isMoved } of newer) {
    const { tableId, location } = known;
    const head = await lake.catalog.findTable({ tableId }, { anyStatus: true });
    if (head === undefined || head.status === "IMPORTING" || head.location !== location) continue;
    const { droppedAt } = dropIn(manifest, head.timestamp);
    const was = before.get(tableId) ?? known;
    const change = {
      tableId,
      table: was.name,
      name: manifest.name,
      changes: kindsOf(was, manifest, droppedAt),
      location,
    };
    if (isMoved && change.changes.length === 0) continue;
    if (droppedAt !== undefined && !known.isDropped && !mayDrop(tableId)) {
      changes.push({ ...change, waits: true });
      continue;
    }
    if (droppedAt !== undefined && known.isDropped && (await isAhead(lake, head))) {
      changes.push({ ...change, waits: true });
      lives.push(await inBetween(lake, head));
      continue;
    }
    changes.push(change);
    const now = { name: manifest.name, location, ...(droppedAt === undefined ? {} : { droppedAt }) };
    const life = lifeOf(manifest, now);
    // Whoever followed the table has counted as far as the manifest.
    lives.push({ tableId, location, life: isMoved ? { ...life, changes: manifest.changes + 1 } : life });
  }
  const blocked = new Map((await lake.catalog.adoptLives(lives)).map(({ tableId, by }) => [tableId, by]));
  for (const { tableId, table, name } of changes) {
    for (const known of [table, name]) forgetTable(lake, { tableId, name: known });
  }
  return changes.flatMap((change) => {
    const by = blocked.get(change.tableId);
    if (by !== undefined) return [{ ...change, blockedBy: by }];
    return change.changes.length === 0 && !change.waits ? [] : [change];
  });
}

/** It came back, got versions and was dropped again: for these it has to be there. */
async function isAhead(lake: Lake, { location, version }: TableHead): Promise<boolean> {
  const { commits, checkpoints } = await lake.openLog(location).listFrom(version + 1);
  return commits.length + checkpoints.length > 0;
}

/** Under a name that is in nobody's way, and known less well than by its log: the drop comes with the next look. */
async function inBetween(lake: Lake, { tableId, location }: TableHead): Promise<AdoptedLife> {
  const { manifest } = (await lake.catalog.readManifestFacts(tableId)) ?? {};
  const told = manifest?.changes ?? 0;
  return { tableId, location, life: { name: `recovered.${tableId}`, formerNames: [], changes: told + 1, told } };
}

function kindsOf({ name, isDropped }: Newer["known"], manifest: Manifest, droppedAt: number | undefined) {
  const kinds: ("renamed" | "dropped" | "undropped")[] = name === manifest.name ? [] : ["renamed"];
  if (droppedAt !== undefined && !isDropped) kinds.push("dropped");
  if (droppedAt === undefined && isDropped) kinds.push("undropped");
  return kinds;
}

/**
 * Lets SQL have the last word where a log knows later names or drops, which were given up with its later versions: a recovery
 * would bring them back.
 */
export async function keepIdentities(lake: Lake): Promise<void> {
  for (const { known, manifest, isMoved } of await newerIdentities(lake)) {
    if (isMoved) continue;
    await lake.catalog.raiseChanges(known.tableId, manifest.changes + 1);
    await writeManifest(lake, known.tableId, { location: known.location, again: true });
  }
}
