/** Trino on the newest version of every table that the cases before have made: last, when Spark's memory is free again. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Reading, readEverywhere } from "../support/compare.ts";
import type { Lab } from "../support/lab.ts";

/** As Daft, Trino forgets deletion vectors when their property is off: in the original, too, but of other rows than in ours. */
const FORGETS_VECTORS = "deletion vectors, switched off later";

export function trino(lab: Lab): void {
  describe("Trino", () => {
    test("reads the newest versions of all tables", async () => {
      await lab.engines.rest("Spark");
      const wrong: string[] = [];
      for (const [kind, readings] of newest(lab)) {
        wrong.push(...(await readEverywhere(lab.engines, lab.grid, kind, readings, ["Trino"])));
      }
      assert.deepEqual(wrong, []);
    });
  });
}

/** Of each folder the newest version that was read without a filter. */
function newest(lab: Lab): Map<string, readonly Reading[]> {
  const kinds = new Map<string, readonly Reading[]>();
  for (const [kind, readings] of lab.grid.readings) {
    if (kind === FORGETS_VECTORS) continue;
    const byPath = new Map<string, Reading>();
    for (const reading of readings) {
      const other = byPath.get(reading.path);
      if (reading.where === undefined && (reading.version ?? 0) >= (other?.version ?? 0))
        byPath.set(reading.path, reading);
    }
    if (byPath.size > 0) kinds.set(kind, [...byPath.values()]);
  }
  return kinds;
}
