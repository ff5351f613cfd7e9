/** A log speaks once of each change of a state; a table that is late now and then does not fill it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { healthOf, type MirrorFacts } from "../../lib/delta/health.ts";
import { changeLine, openHealthWatch } from "../../lib/operations/health-watch.ts";
import type { CheckedTable } from "../../lib/operations/table-health.ts";

const SECOND = 1000;
const FACTS: MirrorFacts = { tableId: "id", table: "sales.orders", version: 3, now: 100 * SECOND };
const checked = (more: Partial<MirrorFacts>): CheckedTable => {
  const facts = { ...FACTS, ...more };
  return { facts, health: healthOf(facts, { lateAfterMs: 5 * SECOND }) };
};
const open = { version: 3, status: "IN_FLIGHT", committedAt: 0, attempts: 0 } as const;
const late = checked({ oldest: open });
const failed = checked({ oldest: { ...open, status: "FAILED", attempts: 5, lastError: "denied" } });
const quarantined = checked({ oldest: open, quarantine: "theirs" });

/** What is said at each look: `before>now`. */
function said(looks: readonly (readonly [seconds: number, tables: readonly CheckedTable[]])[]): string[][] {
  const watch = openHealthWatch();
  return looks.map(([seconds, tables]) =>
    watch.look(tables, seconds * SECOND).map(({ before, now }) => `${before}>${now?.health.state ?? "ok"}`),
  );
}

test("a state that lasts is said once, worse ones and the end at once", () => {
  const looks = said([
    [0, []],
    [1, [late]],
    [2, [late]],
    [3, [failed]],
    [4, [failed]],
    [5, [quarantined]],
    [600, [quarantined]],
    [601, []],
    [602, []],
  ]);
  assert.deepEqual(looks, [
    [],
    ["ok>late"],
    [],
    ["late>failed"],
    [],
    ["failed>quarantined"],
    [],
    ["quarantined>ok"],
    [],
  ]);
});

test("late and well in turn: once a minute, and then as it is", () => {
  const looks = said([
    [0, [late]],
    [5, []],
    [10, [late]],
    [15, []],
    [59, [late]],
    [61, []],
    [62, [late]],
    [122, [late]],
  ]);
  assert.deepEqual(looks, [["ok>late"], [], [], [], [], ["late>ok"], [], ["ok>late"]]);
});

test("another cause of the same state is said, too; a clock that was set back delays nothing for long", () => {
  const gone = checked({ fault: { code: "LOG_GONE", reason: "empty" } });
  const partly = checked({ fault: { code: "LOG_FILE_MISSING", reason: "2 is gone" } });
  assert.deepEqual(
    said([
      [0, [partly]],
      [1, [gone]],
    ]),
    [["ok>gone"], ["gone>gone"]],
  );
  assert.deepEqual(
    said([
      [7200, [late]],
      [0, []],
    ]),
    [["ok>late"], ["late>ok"]],
  );
});

test("a look at one table says nothing of the others", () => {
  const watch = openHealthWatch();
  assert.equal(watch.look([quarantined], 0).length, 1);
  const other = { ...failed, facts: { ...failed.facts, tableId: "other" } };
  assert.deepEqual(
    watch.lookAt([other], 1).map(({ tableId }) => tableId),
    ["other"],
  );
  assert.deepEqual(watch.lookAt([quarantined], 2), []);
});

test("a line has the name, the id, the cause and what to do; the end is no alarm", () => {
  const [change] = openHealthWatch().look([quarantined], 0);
  assert.ok(change);
  const { level, message, fields } = changeLine(change);
  assert.deepEqual([level, message], ["error", "sales.orders is quarantined: theirs"]);
  assert.deepEqual([fields.tableId, fields.table, fields.code], ["id", "sales.orders", "FOREIGN_COMMIT"]);
  assert.match(String(fields.hint), /dl resolve --table sales\.orders/);
  const end = changeLine({ tableId: "id", table: "sales.orders", before: "quarantined" });
  assert.deepEqual([end.level, end.message], ["info", "sales.orders is ok again"]);
});
