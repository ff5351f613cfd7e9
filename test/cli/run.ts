/** Runs the real `dl`, as a pipeline would. */

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../../lib/cli/main.ts", import.meta.url));
export const LAUNCHER = fileURLToPath(new URL("../../lib/cli/dl.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Variables of the shell that would change what `dl` does. */
const LEFT_OUT = ["DATABASE_URL", "LOG_LEVEL", "DL_DEBUG", "NO_COLOR", "FORCE_COLOR", "NODE_OPTIONS"];
const CLEAN = Object.fromEntries(Object.entries(process.env).filter(([name]) => !LEFT_OUT.includes(name)));

export function startDl(
  args: readonly string[],
  options: SpawnOptions & { readonly node?: string; readonly script?: string } = {},
): ChildProcess {
  const { node = process.execPath, script = MAIN, env, ...rest } = options;
  return spawn(node, [script, ...args], { ...rest, env: { ...CLEAN, ...env } });
}

export async function finish(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text) => (stderr += text));
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

export function dl(
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly input?: string } = {},
): Promise<Finished> {
  const { input, ...rest } = options;
  const child = startDl(args, rest);
  child.stdin?.end(input ?? "");
  return finish(child);
}
