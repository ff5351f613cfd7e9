/** Files of this package and of those that it depends on, in this repository and wherever the package is installed. */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Of the sources, or of what is built of them. */
const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The nearest folder above that has a file. */
function above(file: string): string {
  for (let folder = ROOT; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, file))) return folder;
    if (folder === path.dirname(folder)) throw new Error(`${file} is nowhere above ${ROOT}: is its package installed?`);
  }
}

/** The package as a whole; what is built of it has a package.json of its own. */
export const PACKAGE = above("cdk.json");

/** Where esbuild is called: it is installed by the app. */
export function bundlingFolder(): string {
  return above(path.join("node_modules", ".bin", "esbuild"));
}

/** The file of a function, in the language that this file is in. */
export function functionFile(name: string): string {
  return path.join(ROOT, "functions", `${name}${path.extname(import.meta.url)}`);
}

/** A file of a package that we depend on, by `package/path`. */
export function dependencyFile(file: string): string {
  return path.join(above(path.join("node_modules", file)), "node_modules", file);
}

/** CDK's feature flags that the constructs are written for. */
export function featureFlags(): Readonly<Record<string, unknown>> {
  const { context } = JSON.parse(readFileSync(path.join(PACKAGE, "cdk.json"), "utf8")) as {
    readonly context: Readonly<Record<string, unknown>>;
  };
  return context;
}
