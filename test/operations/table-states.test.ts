/** States that are remembered between commits: bounded, and the tables that are in use stay. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { tableStates } from "../../lib/operations/committing/table-states.ts";
import type { TableState } from "../../lib/ports.ts";
import { stubLake } from "../http/stub-lake.ts";

test("a table that is asked for again and again is read once, whatever else comes by", async () => {
  const read: string[] = [];
  const lake = stubLake({
    async readStates(refs) {
      return refs.map((ref) => {
        const tableId = "tableId" in ref ? ref.tableId : "none";
        read.push(tableId);
        return { tableId, name: `n.${tableId}`, version: 0 } as unknown as TableState;
      });
    },
  });
  for (let i = 0; i < 2000; i += 1) {
    await tableStates(lake, [{ tableId: `t${i}` }]);
    await tableStates(lake, [{ tableId: "hot" }]);
  }
  assert.equal(read.filter((tableId) => tableId === "hot").length, 1);
  assert.equal(read.length, 2001);
  await tableStates(lake, [{ tableId: "t0" }]);
  assert.equal(read.at(-1), "t0", "what nobody has asked for makes room");
  await tableStates(lake, [{ tableId: "t1999" }]);
  assert.equal(read.length, 2002, "the newest are there");
});
