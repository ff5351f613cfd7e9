/** A server in a process of its own, on a new SQLite lake, that says how late its event loop was and how much memory it has taken. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createApp } from "../../lib/http/app.ts";
import { listen } from "../../lib/http/node-server.ts";
import { openLocalLake, toLocation } from "../../lib/lake/local.ts";

export interface Load {
  /** Milliseconds: the longest that anything had to wait since the last question. */
  readonly delayMs: number;
  /** Megabytes, now and at most since the last question. */
  readonly memoryMb: number;
}

const folder = mkdtempSync(join(tmpdir(), "dl-hostile-"));
const lake = await openLocalLake({ database: join(folder, "lake.sqlite"), verifyFiles: "off" });
await lake.catalog.migrate();
const app = createApp(lake, {
  version: "0",
  resolveLocation: async (location, name) => toLocation(location ?? name, folder),
});
const server = await listen(app.fetch, { host: "127.0.0.1", port: 0 });
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
let peak = 0;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 5);

process.on("message", async (question) => {
  if (question === "load") {
    peak = Math.max(peak, process.memoryUsage.rss());
    const load: Load = { delayMs: delay.max / 1e6, memoryMb: peak / 1e6 };
    delay.reset();
    peak = 0;
    process.send?.(load);
    return;
  }
  clearInterval(watch);
  await server.close();
  await lake.close();
  rmSync(folder, { recursive: true });
  process.disconnect();
});
process.send?.(server.url);
