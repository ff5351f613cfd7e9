/** One mirrored table as readers may find it later: without its checkpoints, or with only what the last checkpoint needs. */

import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface Variant {
  readonly label: string;
  readonly path: string;
  readonly versions: readonly number[];
}

export interface LogFiles {
  readonly commits: readonly number[];
  readonly checkpoints: readonly number[];
}

export function logFiles(table: string): LogFiles {
  const names = readdirSync(join(table, "_delta_log"));
  const versions = (pattern: RegExp) =>
    [...new Set(names.filter((name) => pattern.test(name)).map((name) => Number(name.slice(0, 20))))].sort(
      (a, b) => a - b,
    );
  return { commits: versions(/^\d{20}\.json$/), checkpoints: versions(/^\d{20}\.checkpoint\./) };
}

/** The table as it is, a copy that has lost its checkpoints, and a copy that has lost all commits before the last one. */
export function variantsOf(table: string, copies: string): readonly Variant[] {
  const { commits, checkpoints } = logFiles(table);
  const variants: Variant[] = [{ label: "as mirrored", path: table, versions: commits }];
  const last = checkpoints.at(-1);
  if (last === undefined) return variants;
  if (commits[0] === 0) {
    const path = `${copies}-commits-only`;
    copyWithout(table, path, (name) => name === "_last_checkpoint" || name.includes(".checkpoint."));
    // Below the first checkpoint nothing is different.
    const versions = [last];
    variants.push({ label: "without checkpoints", path, versions });
  }
  const path = `${copies}-cleaned`;
  const old = (name: string) => /^\d{20}\./.test(name) && Number(name.slice(0, 20)) < last;
  copyWithout(table, path, old);
  variants.push({ label: `log before ${last} cleaned up`, path, versions: commits.filter((v) => v >= last) });
  return variants;
}

/** Copies a table without some files of its log. */
export function copyWithout(table: string, to: string, drop: (logFile: string) => boolean): void {
  cpSync(table, to, { recursive: true, preserveTimestamps: true });
  const log = join(to, "_delta_log");
  for (const name of readdirSync(log)) if (drop(name)) rmSync(join(log, name), { recursive: true });
}
