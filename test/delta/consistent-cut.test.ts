/** The cut through tables that share transactions: against a slow and plain one, for tables and groups by chance. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { consistentCut, type TransactionGroup } from "../../lib/delta/consistent-cut.ts";

/** Lowers one limit by one as long as some group is cut in two. */
function plainCut(limits: ReadonlyMap<string, number>, groups: readonly TransactionGroup[]): Map<string, number> {
  const cut = new Map(limits);
  for (;;) {
    const isIn = ({ tableId, version }: TransactionGroup["parts"][number]) => version <= (cut.get(tableId) ?? -1);
    const torn = groups.find(({ parts }) => parts.some(isIn) && !parts.every(isIn));
    const part = torn?.parts.find(isIn);
    if (part === undefined) return cut;
    cut.set(part.tableId, part.version - 1);
  }
}

const TABLES = ["a", "b", "c", "d"];
const groups = fc.array(
  fc.record({
    transactionId: fc.uuid(),
    parts: fc.uniqueArray(fc.record({ tableId: fc.constantFrom(...TABLES), version: fc.nat(9) }), {
      selector: ({ tableId }) => tableId,
      minLength: 2,
    }),
  }),
  { maxLength: 15 },
);
const limits = fc.tuple(...TABLES.map(() => fc.integer({ min: -1, max: 9 })));

test("the cut is the highest one in which no transaction is in some of its tables only", () => {
  fc.assert(
    fc.property(groups, limits, (some, upTo) => {
      const given = new Map(TABLES.map((tableId, i) => [tableId, upTo[i] ?? -1]));
      const cut = consistentCut(given, some);
      assert.deepEqual(cut.limits, plainCut(given, some));
      for (const tableId of TABLES) {
        assert.equal(cut.heldBy.has(tableId), cut.limits.get(tableId) !== given.get(tableId));
      }
    }),
  );
});

test("a chain of a hundred thousand transactions is cut in one pass", () => {
  const chain = Array.from({ length: 100_000 }, (_, i) => ({
    transactionId: String(i),
    parts: [
      { tableId: `t${i % 2}`, version: i },
      { tableId: `t${(i + 1) % 2}`, version: i + 1 },
    ],
  }));
  const cut = consistentCut(
    new Map([
      ["t0", 200_000],
      ["t1", 99_999],
    ]),
    [
      ...chain,
      {
        transactionId: "last",
        parts: [
          { tableId: "t0", version: 0 },
          { tableId: "t1", version: 150_000 },
        ],
      },
    ],
  );
  assert.deepEqual([...cut.limits.values()], [-1, 0]);
});
