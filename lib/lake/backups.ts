/** Opens places for backups, folders and prefixes in buckets, and a database of which nothing is left afterwards. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZSTD } from "../backup/codec.ts";
import { openCatalog } from "../catalog/open.ts";
import type { BackupPlace, Catalog } from "../ports.ts";
import { systemClock } from "./clock.ts";
import { toLocation } from "./location.ts";
import { openStore } from "./stores.ts";

/** Contacts nothing yet. @param place a folder, `file:///…` or `s3://bucket/prefix` @throws LakeError invalid */
export async function openBackups(place: string): Promise<BackupPlace> {
  const location = await toLocation(place);
  return { location, store: openStore(location), ...ZSTD };
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
