/** The key or token with which `dl` calls an API: from a variable, a file, or a command that gets one, since tokens end. */

import { exec } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { deadlineMs } from "../deadlines.ts";
import { errorText, invalid, unavailable } from "../errors.ts";
import { UsageError } from "./failure.ts";

/** Milliseconds for which what a file or command said is used again. */
const REMEMBERED_MS = 10_000;
const NAMES = ["DL_API_KEY", "DL_API_KEY_FILE", "DL_API_KEY_COMMAND"] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads nothing yet; each call answers what is right then, undefined where the API is called without. What it answers is in no message.
 * @param monotonic milliseconds of a clock that nobody sets
 * @throws UsageError where more than one of the variables is there
 */
export function apiAccess(env: Environment, monotonic = () => performance.now()): () => Promise<string | undefined> {
  const given = NAMES.filter((name) => env[name]);
  if (given.length > 1) throw new UsageError(`${given.join(" and ")}: give one of them`);
  const { DL_API_KEY: key, DL_API_KEY_FILE: path, DL_API_KEY_COMMAND: command } = env;
  const ask = path ? () => inFile(path) : command ? () => fromCommand(command) : undefined;
  if (ask === undefined) return async () => key || undefined;
  let known: { readonly at: number; readonly said: Promise<string> } | undefined;
  return () => {
    if (known === undefined || monotonic() - known.at >= REMEMBERED_MS) {
      const said = ask();
      known = { at: monotonic(), said };
      // The next call tries again.
      said.catch(() => {
        if (known?.said === said) known = undefined;
      });
    }
    return known.said;
  };
}

async function inFile(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw invalid(`the file ${path} of DL_API_KEY_FILE cannot be read (${error.code})`, { cause: error });
  });
  return only(text, `the file ${path} of DL_API_KEY_FILE`);
}

/** By the shell, as whoever has set the variable would type it; what it says beside is shown to them. */
async function fromCommand(command: string): Promise<string> {
  const ran = promisify(exec)(command, { timeout: deadlineMs("keyCommand"), maxBuffer: 64 * 1024 });
  const { stdout } = await ran.catch((error: Error & { readonly code?: number; readonly stderr?: string }) => {
    throw unavailable(
      `the command of DL_API_KEY_COMMAND failed: ${(error.stderr ?? "").trim() || errorText(error.code)}`,
    );
  });
  return only(stdout, "the command of DL_API_KEY_COMMAND");
}

function only(text: string, whence: string): string {
  const said = text.trim();
  if (/^[\x21-\x7e]+$/.test(said)) return said;
  throw invalid(`${whence} says no key or token`, { hint: "It says one, in one line, and nothing else." });
}
