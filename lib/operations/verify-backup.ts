/** Proves that a backup can be restored: every part is read, restored into a scratch database, and compared with what the manifest says. */

import { addFingerprint, type Fingerprint, NO_FILES, sameFingerprint } from "../delta/fingerprint.ts";
import type { BackupPlace, Catalog } from "../ports.ts";
import { chainOf, findBackup } from "./backups/list.ts";
import type { ManifestTable } from "./backups/manifest.ts";
import { pages } from "./checkpoint.ts";
import type { OnProgress } from "./import-rows.ts";
import { type Restored, restoreCatalog } from "./restore.ts";

export interface Verified extends Restored {
  /** Of live files, whose fingerprints were made anew. */
  readonly files: number;
  /** What is not as the manifest says, in words; empty when all is. */
  readonly differences: readonly string[];
}

const FILES_PAGE = 2000;

/** @param scratch an empty database that nobody needs afterwards @throws LakeError as a restore does */
export async function verifyBackup(
  scratch: Catalog,
  place: BackupPlace,
  { backupId, onProgress = () => {} }: { readonly backupId?: string; readonly onProgress?: OnProgress } = {},
): Promise<Verified> {
  const { backup, backups } = await findBackup(place, backupId);
  chainOf(backups, backup);
  const restored = await restoreCatalog(scratch, place, { backupId: backup.backupId, onProgress });
  const { tables } = await scratch.readCut();
  const there = new Map(tables.map((table) => [table.tableId, table]));
  const differences: string[] = [];
  let files = 0;
  if (there.size !== backup.tables.length) differences.push(`${there.size} tables, and not ${backup.tables.length}`);
  for (const [done, table] of backup.tables.entries()) {
    const found = there.get(table.tableId);
    if (found?.version !== table.version || found.timestamp !== table.timestamp || found.status !== table.status) {
      differences.push(`${table.name}: version ${found?.version}, and not ${table.version}`);
    } else if (table.status === "ACTIVE") {
      const live = await liveFiles(scratch, table);
      files += live.count;
      differences.push(...differencesOf(table, live));
    }
    onProgress({ phase: "tables", done: done + 1, total: backup.tables.length });
  }
  return { ...restored, files, differences };
}

interface LiveFiles {
  readonly count: number;
  readonly fingerprint: Fingerprint;
}

/** Of every live file, from its path to its statistics. */
async function liveFiles(catalog: Catalog, { tableId, version }: ManifestTable): Promise<LiveFiles> {
  let [count, fingerprint] = [0, NO_FILES];
  for await (const page of pages((at) => catalog.readFiles(tableId, version, { ...at, limit: FILES_PAGE }))) {
    for (const file of page) fingerprint = addFingerprint(fingerprint, catalog.fingerprintOf(file));
    count += page.length;
  }
  return { count, fingerprint };
}

function differencesOf(table: ManifestTable, live: LiveFiles): readonly string[] {
  const { name, numFiles, fingerprint } = table;
  if (live.count !== numFiles) return [`${name}: ${live.count} live files, and not ${numFiles}`];
  return sameFingerprint(fingerprint as unknown as Fingerprint, live.fingerprint)
    ? []
    : [`${name}: its live files have another fingerprint`];
}
