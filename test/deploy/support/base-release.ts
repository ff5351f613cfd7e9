/**
 * The release that this one is an upgrade of, as a folder to deploy from: the newest tag `v…`; before anything was published, what had
 * landed before the newest migration. It is taken out of the history of the repository.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { RELEASE_SOURCES } from "./next-release.ts";

export interface BaseRelease {
  readonly folder: string;
  /** For a transcript. */
  readonly what: string;
}

const MIGRATIONS = "lib/catalog/migrations";

/**
 * @param root the repository @param folder to be made
 * @returns nothing where there is no history, as in a shallow copy
 */
export function baseRelease(root: string, folder: string): BaseRelease | undefined {
  const found = tagged(root) ?? beforeNewestMigration(root);
  if (found === undefined) return undefined;
  const [revision, what] = found;
  mkdirSync(folder);
  const tar = git(root, "archive", "--format=tar", revision, "--", ...RELEASE_SOURCES);
  if (tar === undefined) return undefined;
  execFileSync("tar", ["-x", "-C", folder], { input: tar });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return { folder, what };
}

type Found = readonly [revision: string, what: string];

/** One that is this very commit is this release. */
function tagged(root: string): Found | undefined {
  const head = line(root, "rev-parse", "HEAD");
  const tags = line(root, "tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort=-v:refname")?.split("\n") ?? [];
  const tag = tags.find((name) => name !== "" && line(root, "rev-list", "-n", "1", name) !== head);
  return tag === undefined ? undefined : [tag, `release ${tag}`];
}

/** One that has not been committed yet has everything before it. */
function beforeNewestMigration(root: string): Found | undefined {
  const newest = readdirSync(join(root, MIGRATIONS))
    .filter((name) => /^\d{4}-/.test(name))
    .toSorted()
    .at(-1);
  const added = line(root, "log", "--diff-filter=A", "-n", "1", "--format=%H", "--", `${MIGRATIONS}/${newest}`);
  const before = line(root, "rev-parse", "--verify", "--quiet", added ? `${added}^` : "HEAD");
  return before ? [before, `what had landed before ${newest}, ${before.slice(0, 7)}`] : undefined;
}

function line(root: string, ...args: readonly string[]): string | undefined {
  return git(root, ...args)
    ?.toString("utf8")
    .trim();
}

/** Nothing when it fails. */
function git(root: string, ...args: readonly string[]): Buffer | undefined {
  try {
    return execFileSync("git", ["-C", root, ...args], {
      maxBuffer: 256 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return undefined;
  }
}
