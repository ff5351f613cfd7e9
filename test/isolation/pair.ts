/** Two servers on one database: each has its own connections and remembers table states of its own; logs and clock are the same. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCatalog } from "../../lib/catalog/open.ts";
import { openTestLake, type TestLake } from "../support/lake.ts";

export interface Pair {
  readonly one: TestLake;
  readonly two: TestLake;
  close(): Promise<void>;
}

const MEMORY_FOLDER = "/dev/shm";

/** @param url a database; a new SQLite file if absent */
export async function openPair(url?: string): Promise<Pair> {
  // Nothing here outlives the test, so nothing has to reach a disk.
  const folder = mkdtempSync(join(existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir(), "dl-pair-"));
  const database = url ?? join(folder, "catalog.sqlite");
  const base = await openTestLake();
  const catalogs = [await openCatalog(database, base.clock), await openCatalog(database, base.clock)] as const;
  await catalogs[0].migrate();
  return {
    one: base.with({ catalog: catalogs[0] }),
    two: base.with({ catalog: catalogs[1] }),
    async close() {
      for (const catalog of catalogs) await catalog.close();
      await base.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
