/** The release after this one, as a folder to deploy from: this code, with one more migration that adds a column. */

import { appendFileSync, cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const FIRST_ID = 9_000;

/** Of a release whose upgrade fails. */
export const FAILING_APP = "test/deploy/support/failing-app.ts";
/** What a release is deployed from. */
export const RELEASE_SOURCES = ["lib", "functions", "infra", "config", "package.json", "cdk.json", "tsconfig.json"];

/**
 * Each says that the release before it can work with its schema, as `worksFrom` of a real one does.
 * @param root the repository @param folder to be made @param ahead 1 for the next release, 2 for the one after it
 */
export function nextRelease(root: string, folder: string, ahead: number): string {
  mkdirSync(folder);
  for (const name of [...RELEASE_SOURCES, FAILING_APP])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const migrations = Array.from({ length: ahead }, (_, i) => {
    const id = FIRST_ID + i;
    const worksFrom = i === 0 ? "Math.max(...MIGRATIONS.map((migration) => migration.id))" : id - 1;
    const statements = `() => ["alter table dl_files add column of_release_${id} integer"]`;
    return `{ id: ${id}, name: "${id}-ahead", worksFrom: ${worksFrom}, statements: ${statements} }`;
  });
  const index = join(folder, "lib/catalog/migrations/index.ts");
  appendFileSync(index, `\n(MIGRATIONS as Migration[]).push(${migrations.join(", ")});\n`);
  return folder;
}
