/** A process that runs command lines of `dl` one after another, so that a test of many need not start a Node for each. */

import { Readable } from "node:stream";
import { run } from "../../lib/cli/program.ts";
import type { CommandLine, Finished } from "./run.ts";

// Each command line has the environment, folder and input of the test that sent it, and its output goes there.
process.on("message", async ({ args, env, cwd, input }: CommandLine) => {
  process.env = { ...env };
  process.chdir(cwd);
  process.exitCode = undefined;
  Object.defineProperty(process, "stdin", { value: Readable.from([Buffer.from(input)]), configurable: true });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (text: string | Uint8Array) => {
      output[name] += typeof text === "string" ? text : Buffer.from(text).toString();
      return true;
    };
  }
  await run(args);
  const finished: Finished = { code: Number(process.exitCode ?? 0), ...output };
  process.exitCode = undefined;
  process.send?.(finished);
});
