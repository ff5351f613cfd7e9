/** Opens places for backups, folders and prefixes in buckets, and a database of which nothing is left afterwards. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZSTD } from "../backup/codec.ts";
import { encrypted } from "../backup/encryption.ts";
import { openCatalog } from "../catalog/open.ts";
import { invalid } from "../errors.ts";
import type { BackupPlace, Catalog } from "../ports.ts";
import { parseKey } from "../sealed.ts";
import { systemClock } from "./clock.ts";
import { toLocation } from "./location.ts";
import { openStore } from "./stores.ts";

const INVALID_KEY = "INVALID_BACKUP_KEY";

/** Where the key of encrypted backups is: a file comes before the text of the key itself. */
export interface BackupKey {
  readonly keyFile?: string;
  readonly key?: string;
}

/** Contacts nothing yet. @param place a folder, `file:///…` or `s3://bucket/prefix` @throws LakeError invalid */
export async function openBackups(place: string, key: BackupKey = {}): Promise<BackupPlace> {
  const location = await toLocation(place);
  const bytes = await keyBytes(key);
  return { location, store: openStore(location), ...(bytes === undefined ? ZSTD : encrypted(ZSTD, bytes)) };
}

async function keyBytes({ keyFile, key }: BackupKey): Promise<Uint8Array | undefined> {
  if (keyFile === undefined) return key === undefined ? undefined : parseKey(key, "the text of the key", INVALID_KEY);
  const text = await readFile(keyFile, "utf8").catch((cause: unknown) => {
    throw invalid(`the key file ${keyFile} cannot be read`, { code: INVALID_KEY, cause });
  });
  return parseKey(text, `the file ${keyFile}`, INVALID_KEY);
}

/**
 * The schema of a login that has nothing else, for a backup to be restored into by the engine that serves. It is emptied before, as
 * a killed run leaves its tables, and afterwards.
 * @param url of that login @throws LakeError invalid where the login is not shut into a schema of its own
 */
export async function withScratchSchema<T>(url: string, work: (catalog: Catalog) => Promise<T>): Promise<T> {
  const catalog = await openCatalog(url, systemClock);
  try {
    await catalog.emptyScratch();
    return await work(catalog).finally(() => catalog.emptyScratch());
  } finally {
    await catalog.close();
  }
}

/** An empty SQLite database, for a backup to be restored into. */
export async function withScratchCatalog<T>(work: (catalog: Catalog) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "dl-scratch-"));
  try {
    const catalog = await openCatalog(join(folder, "scratch.sqlite"), systemClock, { schema: "leave" });
    return await work(catalog).finally(() => catalog.close());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
