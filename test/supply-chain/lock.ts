/** The packages of the lock file: what each is, and whether the product needs it or only those who work on it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/source-tree.ts";

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: true;
  readonly devOptional?: true;
  readonly inBundle?: true;
  readonly hasInstallScript?: true;
}

export interface Package extends Omit<Locked, "name"> {
  readonly name: string;
  /** Where in node_modules. */
  readonly path: string;
  /** True for what comes along when this package is installed; what is optional counts. */
  readonly isShipped: boolean;
}

export function lockedPackages(): readonly Package[] {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  return Object.entries(lock.packages).flatMap(([path, locked]) => {
    if (path === "") return [];
    const name = locked.name ?? path.replace(/^.*node_modules\//, "");
    return [{ ...locked, name, path, isShipped: locked.dev !== true && locked.devOptional !== true }];
  });
}
