/** Tables of real writers pass the deep check, version by version: it refuses nothing that Spark and delta-rs have written. */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { keyInTable } from "../../lib/delta/files/file-places.ts";
import { commitsIn, verifyIn } from "../support/verify.ts";

describe("tables of real writers hold what their logs say", () => {
  for (const writer of ["spark", "delta-rs"]) {
    const folder = fileURLToPath(new URL(`../golden/${writer}`, import.meta.url));
    for (const table of readdirSync(folder)) {
      test(`${writer} ${table}`, async () => {
        const root = join(folder, table);
        for (const logged of commitsIn(root)) {
          const isThere = (path: string) => existsSync(join(root, keyInTable(pathToFileURL(root).href, path) ?? ""));
          const adds = logged.actions.adds.filter(({ path }) => isThere(path));
          if (adds.length === 0) continue;
          assert.equal(await verifyIn(root, { ...logged, actions: { ...logged.actions, adds } }), "deep");
        }
      });
    }
  }
});
