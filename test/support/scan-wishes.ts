/** A wish that one catalog leaves, and another grants: an index that is made, used up and taken away. */

import assert from "node:assert/strict";
import { grantWishes, indexScans } from "../../lib/operations/index-scans.ts";
import type { Catalog, Lake } from "../../lib/ports.ts";

export const ID_COLUMN = '["data","id"]';

/** A lake whose tables all seem large: indexes of small ones are nobody's wish. */
export function ofLargeTables(lake: Lake): Lake {
  const catalog: Catalog = {
    ...lake.catalog,
    readSummary: async (...given) => ({ ...(await lake.catalog.readSummary(...given)), numFiles: 1_000_000 }),
  };
  return { ...lake, catalog };
}

/** By the lakes of who answers reads, and of who makes indexes. The table has a column `id`. */
export async function indexByWish(witness: Lake, sweep: Lake, tableId: string): Promise<void> {
  const wish = { tableId, columnId: ID_COLUMN };
  for (let i = 0; i < 2; i += 1) await witness.catalog.addScanWish(wish);
  assert.deepEqual(await grantWishes(ofLargeTables(sweep), { onFailure: (_, error) => assert.fail(String(error)) }), [
    wish,
  ]);
  await indexScans(sweep);
  const [index] = await sweep.catalog.scanIndexes(tableId);
  assert.ok(index !== undefined && index.at.version >= 0 && (await sweep.catalog.scanWishes(9)).length === 0);
  await sweep.catalog.dropScanIndex(index.indexId);
  while (await sweep.catalog.sweepScanBounds(1)) assert.equal((await sweep.catalog.scanIndexes(tableId)).length, 0);
}
