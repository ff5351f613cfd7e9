/**
 * Moves a whole catalog into the database of another engine: a backup of it, restored there. What was killed goes on where it stood.
 * The copy is taken into use only if nothing was written to the original meanwhile, and nothing differs.
 */

import { stringifyJson } from "../delta/values/json.ts";
import { corrupt, LakeError } from "../errors.ts";
import type { BackupPlace, Catalog, CatalogCut, Clock } from "../ports.ts";
import { backupCatalog } from "./backup.ts";
import { findBackups } from "./backups/list.ts";
import type { Manifest } from "./backups/manifest.ts";
import type { OnProgress } from "./import-rows.ts";
import { restoreCatalog } from "./restore.ts";

export interface Copying {
  readonly from: Catalog;
  /** Empty, or what a copy that was killed has left. */
  readonly to: Catalog;
  readonly clock: Clock;
}

export interface Copied {
  readonly catalogId: string;
  readonly tables: number;
  readonly rows: number;
  readonly bytes: number;
  /** True where the rows had been read by a copy that was killed. */
  readonly goesOn: boolean;
}

/**
 * @param place of its own, where rows lie on their way; a repeat finds there what has been read
 * @throws LakeError conflict SOURCE_WRITTEN, the copy stays shut; TARGET_NOT_EMPTY; invalid SOURCE_IMPORTING; as backups and restores do
 */
export async function copyCatalog(
  { from, to, clock }: Copying,
  place: BackupPlace,
  { onProgress = () => {} }: { readonly onProgress?: OnProgress } = {},
): Promise<Copied> {
  const known = await reusable(place, await from.readCut());
  const manifest = known ?? (await backupCatalog({ catalog: from, clock }, place, { full: true, onProgress }));
  if (manifest.leftOut.length > 0) {
    throw new LakeError(
      "conflict",
      `a table is being imported, and would be left out: ${manifest.leftOut.join(", ")}`,
      {
        code: "SOURCE_IMPORTING",
        hint: "Let the import end, or end it for good (dl drop), and copy then.",
      },
    );
  }
  const restored = await restoreCatalog(to, place, {
    backupId: manifest.backupId,
    onProgress,
    beforeEnd: async () => checkUntouched(manifest, await from.readCut()),
  });
  const [source, copy] = [await from.readCut(), await to.readCut()];
  const differing = differences(source, copy);
  if (differing.length > 0) {
    throw corrupt(`the copy differs from the original in ${differing.slice(0, 5).join(", ")}`, {
      code: "COPY_DIFFERS",
      hint: "Something was written to either of them after the copy, or this is a defect of ours. Use the original, and copy again into an empty database.",
      facts: { tables: differing.length },
    });
  }
  const { catalogId, tables, rows, bytes } = restored;
  return { catalogId, tables, rows, bytes, goesOn: known !== undefined };
}

/** The rows that a copy before this one has read, where they are still those of the catalog. */
async function reusable(place: BackupPlace, cut: CatalogCut): Promise<Manifest | undefined> {
  const { backups } = await findBackups(place);
  return backups.findLast((manifest) => manifest.kind === "full" && changedTables(manifest, cut).length === 0);
}

function checkUntouched(manifest: Manifest, cut: CatalogCut): void {
  const changed = changedTables(manifest, cut);
  if (changed.length === 0) return;
  const named = changed.slice(0, 5).join(", ");
  throw new LakeError("conflict", `the original was written to while it was copied: ${named}`, {
    code: "SOURCE_WRITTEN",
    hint: "The copy stays shut. End whatever commits (dl serve, dl gateway, functions), then copy again: what is needless there goes by itself.",
    facts: { tables: changed.length },
  });
}

/** Names of tables that are not what they were. */
function changedTables(manifest: Manifest, { catalogId, tables }: CatalogCut): string[] {
  if (manifest.catalogId !== catalogId) return ["another catalog"];
  const before = new Map(manifest.tables.map((table) => [table.tableId, table]));
  const there = tables.filter(({ name }) => !manifest.leftOut.includes(name));
  const changed = there.filter(({ tableId, version, name, status }) => {
    const known = before.get(tableId);
    return known?.version !== version || known.name !== name || known.status !== status;
  });
  const gone = manifest.tables.filter(({ tableId }) => !there.some((table) => table.tableId === tableId));
  return [...changed, ...gone].map(({ name }) => name);
}

/** Of the rows of all heads, which count and sum up what lies below them. */
function differences(source: CatalogCut, copy: CatalogCut): string[] {
  if (source.catalogId !== copy.catalogId) return ["its identity"];
  const rows = new Map(copy.tables.map(({ tableId, row }) => [tableId, stringifyJson(row)]));
  const other = source.tables.filter(({ tableId, row }) => rows.get(tableId) !== stringifyJson(row));
  const more = copy.tables.filter(({ tableId }) => !source.tables.some((table) => table.tableId === tableId));
  return [...other, ...more].map(({ name }) => name);
}
