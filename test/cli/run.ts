/** Runs `dl`: as a pipeline would, in a process of its own, or many command lines in one process, which is ten times faster. */

import { type ChildProcess, fork, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { assertNoSecret } from "../support/secrets.ts";

export const MAIN = fileURLToPath(new URL("../../lib/cli/main.ts", import.meta.url));
export const LAUNCHER = fileURLToPath(new URL("../../lib/cli/dl.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Variables of the shell that would change what `dl` does. */
const LEFT_OUT = ["DATABASE_URL", "LOG_LEVEL", "VERIFY_FILES", "DL_DEBUG", "NO_COLOR", "FORCE_COLOR", "NODE_OPTIONS"];
/** Most tests commit files that nobody has written; those about files turn this on. */
const UNSEEN_FILES = { VERIFY_FILES: "false" };
const CLEAN: NodeJS.ProcessEnv = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !LEFT_OUT.includes(name))),
  ...UNSEEN_FILES,
};

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
  return withoutSecrets(child.spawnargs, { code, stdout, stderr });
}

/** Whatever a test looks at, none of it may hold a secret; a new key alone is shown, on stdout. */
function withoutSecrets(args: readonly string[], finished: Finished): Finished {
  const shows = args.includes("key") && args.includes("create");
  assertNoSecret(`${shows ? "" : finished.stdout}\n${finished.stderr}`, `dl ${args.join(" ")}`.slice(0, 40));
  return finished;
}

/** What {@link many} runs. */
export interface CommandLine {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly input: string;
}

interface DlOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
}

/** In a process of its own. */
export function dlByItself(args: readonly string[], options: DlOptions = {}): Promise<Finished> {
  const { input, ...rest } = options;
  const child = startDl(args, rest);
  child.stdin?.end(input ?? "");
  return finish(child);
}

let many: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

/** In one process for all command lines of a test file; with DL_TEST_PROCESSES=1, which `.ci/run` sets, each in its own. */
export function dl(args: readonly string[], options: DlOptions = {}): Promise<Finished> {
  if (process.env.DL_TEST_PROCESSES === "1") return dlByItself(args, options);
  const { env, cwd = process.cwd(), input = "" } = options;
  const result = last.then(() => ask({ args, env: { ...CLEAN, ...env }, cwd, input }));
  last = result.catch(() => undefined);
  return result;
}

async function ask(line: CommandLine): Promise<Finished> {
  many ??= fork(fileURLToPath(new URL("many.ts", import.meta.url)), { env: CLEAN, execArgv: [] });
  const child = many;
  const answered = new AbortController();
  const { signal } = answered;
  child.ref();
  child.send(line);
  try {
    const [message] = await Promise.race([
      once(child, "message", { signal }),
      once(child, "exit", { signal }).then(([code]) => Promise.reject(new Error(`${line.args}: ended with ${code}`))),
    ]);
    return withoutSecrets(line.args, message as Finished);
  } finally {
    answered.abort();
    // An idle one keeps no test from ending, and ends with the channel.
    child.unref();
    child.channel?.unref();
  }
}
