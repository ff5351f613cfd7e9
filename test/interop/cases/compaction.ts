/** Tables that engines wrote, compacted by `dl compact`, and read again by everyone: the new files are ours, the rows the same. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readEverywhere } from "../support/compare.ts";
import { copyUpTo, goldenTables } from "../support/golden.ts";
import type { Lab } from "../support/lab.ts";

/** What `dl compact` leaves to engines, by name. */
const LEFT: readonly string[] = ["spark/clustered", "spark/type-widening"];

export function compaction(lab: Lab): void {
  describe("compacted by dl compact", { concurrency: 3 }, () => {
    for (const golden of goldenTables()) {
      if (LEFT.includes(golden.kind)) continue;
      test(golden.kind, async () => {
        const name = `compacted.${golden.kind.replace("/", "_")}`;
        const path = join(lab.folder, "compacted", name);
        copyUpTo(golden, path, golden.head);
        await lab.service.call("POST", "/v1/tables/import", { name, location: path, mode: "snapshot" });
        const { code, output } = await lab.service.dl("compact", name);
        assert.equal(code, 0, output);
        assert.equal((await lab.service.dl("mirror", "--table", name)).code, 0);
        const { version } = await lab.service.call("GET", `/v1/tables/${name}`);
        const rows = golden.rows(golden.head) ?? [];
        const readings = [version, golden.head].map((at) => ({
          label: at === version ? "compacted" : "before",
          path,
          version: at,
          rows,
          control: { path: golden.path, version: golden.head },
        }));
        assert.deepEqual(await readEverywhere(lab.engines, lab.grid, `compacted ${golden.kind}`, readings), []);
      });
    }
  });
}
