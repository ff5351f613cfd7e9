/** The indexer of a server: what scans ask for is made, within bounds; one wish that fails holds up no other. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openScanIndexer } from "../../lib/cli/serve/scan-indexes.ts";
import type { Catalog } from "../../lib/ports.ts";
import { openLogger } from "../../lib/telemetry/log.ts";
import { addOf, commitTo, newTable, openTestLake } from "../support/lake.ts";

const opened = await openTestLake();
after(() => opened.close());
/** Of tables that seem large. */
const catalog: Catalog = {
  ...opened.catalog,
  readSummary: async (...given) => ({ ...(await opened.catalog.readSummary(...given)), numFiles: 1_000_000 }),
};
const lake = opened.with({ catalog });
const id = '["data","id"]';

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; !(await holds()); i += 1) {
    assert.ok(i < 200, "it does not come");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("a wish becomes an index, which follows the commits until the server stops", async () => {
  const large = await newTable(lake, "i.large");
  const small = await newTable(opened, "i.small");
  await commitTo(lake, large, 0, [addOf("a"), addOf("b")]);
  const indexer = openScanIndexer(lake, openLogger({ level: "error", environment: "test" }));
  const indexes = () => lake.catalog.scanIndexes();
  indexer.wish(crypto.randomUUID(), id);
  indexer.wish(small, '["data","gone"]');
  for (let i = 0; i < 2; i += 1) indexer.wish(large, id);
  indexer.start();
  await until(async () => (await indexes()).some(({ at }) => at.version === 1));
  assert.deepEqual(
    (await indexes()).map(({ tableId, columnId, numRows }) => [tableId, columnId, numRows]),
    [[large, id, 2]],
  );
  await commitTo(lake, large, 1, [addOf("c")]);
  await until(async () => (await indexes())[0]?.at.version === 2);
  await indexer.stop();
  await commitTo(lake, large, 2, [addOf("d")]);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal((await indexes())[0]?.at.version, 2);
});
