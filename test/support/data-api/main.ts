/** The emulator as a program: `node test/support/data-api/main.ts --postgres postgresql://… --port 7777`. Prints its address. */

import { parseArgs } from "node:util";
import { startDataApi } from "./emulator.ts";

const { values } = parseArgs({ options: { postgres: { type: "string" }, port: { type: "string", default: "0" } } });
if (values.postgres === undefined) {
  console.error("--postgres must name a database");
  process.exit(64);
}
const emulator = await startDataApi(values.postgres, { port: Number(values.port) });
console.log(emulator.endpoint);
