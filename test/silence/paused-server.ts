/** A server that stops itself (SIGSTOP) in the last round of its first commit, while it holds the locks. Prints its address. */

import { createApp } from "../../lib/http/app.ts";
import { listen } from "../../lib/http/node-server.ts";
import { openLocalLake } from "../../lib/lake/local.ts";
import type { Catalog } from "../../lib/ports.ts";

const [database = ""] = process.argv.slice(2);
const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
let paused = false;
const catalog: Catalog = {
  ...lake.catalog,
  // A hot table, on which every optimistic round loses.
  commit: async (planned) =>
    paused ? lake.catalog.commit(planned) : { status: "moved", tableIds: planned.tables.map(({ tableId }) => tableId) },
  commitLocked: (transactionId, tables, plan) =>
    lake.catalog.commitLocked(transactionId, tables, (states, winners) => {
      if (!paused) {
        paused = true;
        process.kill(process.pid, "SIGSTOP");
      }
      return plan(states, winners);
    }),
};
const app = createApp({ ...lake, catalog }, { version: "test", resolveLocation: async (location = "") => location });
const { url } = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
process.stdout.write(`${url}\n`);
