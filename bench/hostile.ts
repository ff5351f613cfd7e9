/** What hostile requests cost a server: `node bench/hostile.ts [megabytes of a body, 60]`. Event-loop delay is how long others wait. */

import { hurt } from "../test/support/hostile.ts";
import { readOptions } from "./options.ts";

const {
  numbers: [megabytes = 0],
} = readOptions({
  run: "node bench/hostile.ts",
  about: "What hostile requests cost a server.",
  numbers: [{ name: "megabytes", count: 60, what: "of the largest body" }],
});
console.log(
  `| request of up to ${megabytes} MB | answer | ms | longest event-loop delay, ms | peak memory, MB |\n|---|---|---|---|---|`,
);
for (const { attack, status, code, ms, delayMs, memoryMb } of await hurt(megabytes << 20)) {
  console.log(`| ${attack} | ${status} ${code} | ${ms.toFixed(0)} | ${delayMs.toFixed(0)} | ${memoryMb.toFixed(0)} |`);
}
