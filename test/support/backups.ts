/** What tests of backups share: places in memory, scratch databases, and a few tables to which anything happens. */

import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { commit } from "../../lib/operations/commit.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { importTable } from "../../lib/operations/import.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import type { BackupPlace, Catalog } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { type Dump, dumpCatalog } from "./catalog-dump.ts";
import { SQLITE_ENGINE, type TestEngine } from "./catalog-engines.ts";
import { addOf, commitTo, newTable, removeOf, request, type TestLake, testClock } from "./lake.ts";

export function memoryPlace(): BackupPlace {
  return { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
}

export async function inScratch<T>(
  work: (catalog: Catalog, url: string) => Promise<T>,
  engine = SQLITE_ENGINE,
): Promise<T> {
  const database = await engine.create();
  const catalog = await openCatalog(database.url, testClock(), { schema: "leave" });
  try {
    return await work(catalog, database.url);
  } finally {
    await catalog.close();
    await database.drop();
  }
}

export async function restored(
  place: BackupPlace,
  backupId?: string,
  engine: TestEngine = SQLITE_ENGINE,
): Promise<Dump> {
  return inScratch(async (catalog, url) => {
    await restoreCatalog(catalog, place, backupId === undefined ? {} : { backupId });
    return dumpCatalog(url);
  }, engine);
}

/** A few tables, to which anything happens. */
export function world(lake: TestLake, random: () => number) {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const tables: { id: string; name: string }[] = [];
  let counted = 0;
  const count = () => {
    counted += 1;
    return counted;
  };
  const version = async (id: string) => (await lake.catalog.findTable({ tableId: id }))?.version ?? -1;
  const change = async ({ id }: (typeof tables)[number]) => {
    const live = await lake.catalog.readFiles(id, await version(id), { limit: 100 });
    const gone = random() < 0.5 ? live.items[0]?.path : undefined;
    const path = random() < 0.2 ? "again" : `f${count()}`;
    const removes = gone === undefined || gone === path ? [] : [removeOf(gone)];
    return [...removes, addOf(path, { size: counted, stats: `{"numRecords":${counted}}` })];
  };
  const steps: Record<string, () => Promise<void>> = {
    async create() {
      if (tables.length > 4) return;
      const name = `w.t${count()}`;
      tables.push({ id: await newTable(lake, name), name });
    },
    async commit() {
      const table = pick(tables);
      await commitTo(lake, table.id, await version(table.id), await change(table), {});
    },
    async two() {
      const [a, b] = [pick(tables), pick(tables)];
      if (a.id === b.id) return;
      const parts = [];
      for (const table of [a, b])
        parts.push({ tableId: table.id, readVersion: await version(table.id), actions: await change(table) });
      await commit(lake, request(...parts));
    },
    async txn() {
      const { id } = pick(tables);
      const txn = { appId: pick(["a", "b"]), version: count(), lastUpdated: 1 };
      await commitTo(lake, id, await version(id), [{ txn }], {});
    },
    async mirror() {
      await mirrorTable(lake, pick(tables).id);
    },
    async fail() {
      const { id } = pick(tables);
      const [open] = await lake.catalog.unpublished(id, 1);
      const error = { code: "UNAVAILABLE", message: `e${count()}`, failed: random() < 0.5, at: counted };
      if (open) await lake.catalog.markMirrorError(id, open.version, error);
    },
    async drop() {
      if (tables.length < 3) return;
      const [gone] = tables.splice(Math.floor(random() * tables.length), 1);
      if (gone === undefined) return;
      if (random() < 0.5) await mirrorTable(lake, gone.id);
      await dropTable(lake, { tableId: gone.id }, { unpublished: "giveUp" });
      if (random() < 0.5) return;
      const name = `w.i${count()}`;
      const back = await importTable(lake, { name, location: `file:///lake/${gone.name}`, mode: "full-history" }).catch(
        () => undefined,
      );
      if (back) tables.push({ id: back.tableId, name: gone.name });
    },
    async rename() {
      await lake.catalog.renameTable(pick(tables).id, `w.n${count()}`);
    },
    async quarantine() {
      await lake.catalog.setQuarantine(pick(tables).id, random() < 0.5 ? undefined : `q${count()}`);
    },
  };
  return { tables, step: (name: string) => steps[name]?.() ?? Promise.reject(new Error(name)), pick };
}

export const WEIGHTS = [
  "create",
  "commit",
  "commit",
  "commit",
  "commit",
  "two",
  "two",
  "txn",
  "mirror",
  "mirror",
  "fail",
  "drop",
  "quarantine",
  "rename",
];
