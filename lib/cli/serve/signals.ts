/** SIGINT and SIGTERM of a server: the first asks it to finish, the second ends it at once. */

import { endProgram } from "./end.ts";

/** Ctrl-C arrives twice where npx or a launcher passes it on: within this time it is the same one. */
const SAME_SIGNAL_MS = 500;

/** Resolves at the first signal. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (first === undefined) {
          first = performance.now();
          resolve(signal);
        } else if (performance.now() - first > SAME_SIGNAL_MS) endProgram(signal === "SIGINT" ? 130 : 143);
      });
    }
  });
}
