/** The suite, in the order in which the whole table has it. */

import { AUDIT } from "./audit.ts";
import { GROWTH } from "./growth.ts";
import { MIRROR } from "./mirror.ts";
import type { Bench } from "./model.ts";
import { NEIGHBOURS_OF_LARGE } from "./neighbours.ts";
import { CHECKPOINT, IMPORT, LIST, OPEN, PLAN } from "./reading.ts";
import { COMMITS, LATENCY, MULTI } from "./writing.ts";

export const BENCHES: Readonly<Record<string, Bench>> = {
  commits: COMMITS,
  latency: LATENCY,
  multi: MULTI,
  open: OPEN,
  plan: PLAN,
  list: LIST,
  checkpoint: CHECKPOINT,
  import: IMPORT,
  growth: GROWTH,
  mirror: MIRROR,
  neighbours: NEIGHBOURS_OF_LARGE,
  audit: AUDIT,
};
