/** Real readers and writers of Delta tables, unmodified, on logs that we mirror: `npm run test:interop`; docs/interop.md has the results. */

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { needs } from "../support/skip.ts";
import { bugs } from "./cases/bugs.ts";
import { cleanUp } from "./cases/clean-up.ts";
import { compaction } from "./cases/compaction.ts";
import { filters } from "./cases/filters.ts";
import { imported } from "./cases/imported.ts";
import { recovered } from "./cases/recovered.ts";
import { throughApi } from "./cases/through-api.ts";
import { trino } from "./cases/trino.ts";
import { v2Checkpoints } from "./cases/v2-checkpoints.ts";
import { openEngines } from "./support/engines.ts";
import { VERDICTS } from "./support/grid.ts";
import { Lab } from "./support/lab.ts";
import { startService } from "./support/service.ts";

const SUITE = "real readers and writers";
const cache = process.env.INTEROP_CACHE;

describe(SUITE, needs(SUITE, cache, "no readers here: `npm run test:interop` installs them"), () => {
  const lab = new Lab();
  before(async () => {
    lab.folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-interop-")));
    lab.engines = await openEngines(cache ?? "");
    lab.service = await startService(lab.folder);
  });
  after(async () => {
    const counts = VERDICTS.map((verdict) => `${lab.grid.total(verdict)} ${verdict}`);
    console.log(`\n${lab.grid.print()}\n\nreadings: ${counts.join(", ")}\n`);
    if (process.env.INTEROP_REPORT) writeFileSync(process.env.INTEROP_REPORT, `${lab.grid.print()}\n`);
    await lab.service?.close();
    await lab.engines?.close();
    if (!process.env.INTEROP_KEEP) rmSync(lab.folder, { recursive: true, force: true });
  });
  throughApi(lab);
  imported(lab);
  compaction(lab);
  filters(lab);
  bugs(lab);
  cleanUp(lab);
  recovered(lab);
  v2Checkpoints(lab);
  trino(lab);
});
