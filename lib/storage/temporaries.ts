/**
 * Unfinished files of a local store: hidden, beside the file that each is to become, and named after the process that writes it, so
 * that those of killed writers are told from those of living ones.
 */

import { createHash, randomUUID } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { BoundedMap } from "../bounded-map.ts";
import type { Step } from "./folder-steps.ts";

/** Longest time without a change after which a file is nobody's whose writer we cannot look at: it runs on another machine. */
const ABANDONED_MS = 3_600_000;
/** How often a process looks into a folder that it writes to. */
const LOOK_AGAIN_MS = 600_000;
const MAX_REMEMBERED = 10_000;

const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const OWN = /^\.(?:([0-9a-f]{8})-(\d{1,10})-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/** Those that this process is writing. */
const living = new Set<string>();
/** When this process has looked into a folder, by a clock that nobody sets. */
const looked = new BoundedMap<string, number>(MAX_REMEMBERED);

/** Runs `work` with the path of a file that is not there yet, and counts as living meanwhile. */
export async function withTemporaryIn<T>(folder: string, work: (path: string) => Promise<T>): Promise<T> {
  const name = `.${HOST}-${process.pid}-${randomUUID()}.tmp`;
  living.add(name);
  try {
    return await work(join(folder, name));
  } finally {
    living.delete(name);
  }
}

/**
 * Removes what killed writers have left in a folder, at the first write into it and every ten minutes. Best effort: nothing
 * depends on it, and a writer whose file is taken away all the same fails, and is tried again.
 */
export async function sweepTemporaries(step: Step, folder: string): Promise<void> {
  const now = performance.now();
  if (now - (looked.get(folder) ?? Number.NEGATIVE_INFINITY) < LOOK_AGAIN_MS) return;
  looked.set(folder, now);
  try {
    for (const name of await step(() => readdir(folder))) {
      const path = join(folder, name);
      if (await isAbandoned(step, path, name)) await step(() => rm(path, { force: true }));
    }
  } catch {
    // Another process may sweep at the same time, or this one may not list the folder.
  }
}

/** False for what another program may have named. */
async function isAbandoned(step: Step, path: string, name: string): Promise<boolean> {
  const [own, host, pid] = OWN.exec(name) ?? [];
  if (own === undefined || living.has(name)) return false;
  if (host === HOST && !isOfOtherProcess(Number(pid))) return true;
  // Not the time of modification, which a writer sets to that of the commit.
  const { ctimeMs } = await step(() => stat(path));
  return Date.now() - ctimeMs > ABANDONED_MS;
}

/** True for a process that runs. One that had our number before us does not. */
function isOfOtherProcess(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It runs, and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
