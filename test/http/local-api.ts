/** The API over a real local lake: SQLite and tables in a temporary folder, the mirror running. */

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { openLocalLake } from "../../lib/lake/local.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import { client } from "./stub-lake.ts";

const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

export const addOf = (path: string, more: object = {}) => ({
  add: { path, partitionValues: {}, size: 100, modificationTime: 1, dataChange: true, ...more },
});
export const removeOf = (path: string) => ({ remove: { path, deletionTimestamp: 1, dataChange: true } });

/**
 * Opened for the tests of one file, and closed after them.
 * @param options.roots places below which tables may be beside the folder
 */
export async function openLocalApi({ roots = [] }: { readonly roots?: readonly string[] } = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-http-")));
  const database = join(folder, "catalog.sqlite");
  const lake = await openLocalLake({ database, verifyFiles: "off" });
  await lake.catalog.migrate();
  after(async () => {
    await lake.close();
    rmSync(folder, { recursive: true });
  });
  const places = { storage: folder, roots };
  const api = client(lake, { resolveLocation: (location, name) => tableLocation(places, location, name) });
  let tables = 0;
  return {
    ...api,
    lake,
    folder,
    database,
    /** A new table at version 0. */
    async newTable(): Promise<{ tableId: string; name: string }> {
      tables += 1;
      const name = `test.t${tables}`;
      const answer = await api.post("/v1/tables", { name, schema: SCHEMA });
      return { tableId: String(answer.body.tableId), name };
    },
    /** Commits actions to one table. */
    commit(tableId: string, readVersion: number, actions: readonly object[], more: object = {}) {
      return api.post("/v1/commits", {
        transactionId: crypto.randomUUID(),
        tables: [{ tableId, readVersion, actions, ...more }],
      });
    },
  };
}
