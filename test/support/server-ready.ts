/** When a server of a database that a test has started for itself can be used. */

import type { ChildProcess } from "node:child_process";

/**
 * Waits until it takes connections: after a crash that is when recovery is done.
 * @param says what it writes on stderr then
 * @throws Error with the end of what it wrote, when it ends instead
 */
export function serverReady(server: ChildProcess, name: string, says: string): Promise<void> {
  let said = "";
  return new Promise((resolve, reject) => {
    server.stderr?.on("data", (text) => {
      said = (said + text).slice(-20_000);
      if (said.includes(says)) resolve();
    });
    server.once("exit", (code) => reject(new Error(`${name} ended with ${code}: ${said}`)));
  });
}
