/** A program that appends to a table until it is told how often, for tests with several of them on one database. */

import { openCatalog } from "../../lib/catalog/open.ts";
import { add, planned, plannedTable, testClock } from "./catalog-plans.ts";

const [, , url = "", tableId = "", name = "", count = "0"] = process.argv;
const catalog = await openCatalog(url, testClock(Date.now()));
for (let i = 0; i < Number(count); i += 1) {
  const plan = plannedTable(tableId, { isBlindAppend: true, actions: { adds: [add(`${name}-${i}`)] } });
  const outcome = await catalog.commit(planned([plan]));
  if (outcome.status !== "committed") throw new Error(JSON.stringify(outcome));
  process.stdout.write(`${outcome.tables[0]?.version}\n`);
}
await catalog.close();
