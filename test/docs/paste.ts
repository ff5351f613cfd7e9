/** Pastes blocks of README.md into a shell, as they are, in a folder like a new clone after `npm ci`. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What the blocks need of a clone. */
const CLONED = ["lib", "package.json", "package-lock.json"];

export interface Pasted {
  readonly status: number | null;
  /** Of standard output and standard error, in turn. */
  readonly output: string;
}

/** The `sh` blocks of README.md that are wanted, in order, in one shell that ends at the first command that fails. */
export async function pasteBlocks(wanted: (block: string) => boolean): Promise<Pasted> {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "").filter(wanted);
  // Other programs of this machine may have the port: the one thing that is not as pasted.
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "dl-clone-"));
  try {
    for (const name of CLONED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const script = blocks
      .join("\n")
      .replaceAll(/\bdl serve\b/g, `dl serve --port ${port}`)
      .replaceAll("localhost:8080", `localhost:${port}`);
    return await run(folder, `set -emo pipefail\ntrap 'kill %1; wait' EXIT\n${script}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(folder: string, script: string): Promise<Pasted> {
  const { NODE_OPTIONS: _, DATABASE_URL: _url, ...env } = process.env;
  const shell = spawn("bash", ["-c", script], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [status] = await once(shell, "close");
  return { status, output };
}
