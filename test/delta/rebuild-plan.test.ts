/** Which table each log is: commits decide, the manifest says what they do not, and copies are no tables. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Manifest } from "../../lib/delta/manifest.ts";
import { type FoundLog, planRebuild } from "../../lib/delta/rebuild-plan.ts";

const A = "aaaaaaaa-0000-4000-8000-000000000000";
const B = "bbbbbbbb-0000-4000-8000-000000000000";
const CATALOG = "cccccccc-0000-4000-8000-000000000000";

function manifest(tableId: string, location: string, more: Partial<Manifest> = {}): Manifest {
  const name = `n.${tableId.slice(0, 1)}`;
  return { tableId, name, formerNames: [], location, catalogId: CATALOG, status: "active", changes: 0, ...more };
}

const at = (location: string, log: Omit<FoundLog, "location"> = {}): FoundLog => ({ location, ...log });
const ours = (location: string, tableId = A, more: Partial<Manifest> = {}): FoundLog =>
  at(location, { author: tableId, manifest: manifest(tableId, location, more) });

const names = (logs: readonly FoundLog[], options = {}) =>
  planRebuild(logs, options).tables.map(({ tableId, name, droppedAt }) => [tableId.slice(0, 1), name, droppedAt]);
const skipped = (logs: readonly FoundLog[], options = {}) =>
  planRebuild(logs, options).skipped.map(({ location, why }) => [location, why]);

const CASES: readonly (readonly [string, readonly FoundLog[], unknown, unknown])[] = [
  ["a table of ours", [ours("s3://b/x/y")], [["a", "n.a", undefined]], []],
  ["a table of others", [at("s3://b/x/y")], [], [["s3://b/x/y", "foreign"]]],
  ["commits without a manifest", [at("s3://b/x/y", { author: A })], [["a", "x.y", undefined]], []],
  ["a folder of a hidden name", [at("s3://b/x y/!_t", { author: A })], [["a", "x_y._t", undefined]], []],
  ["no folder to be named after", [at("s3://b", { author: A })], [["a", `rebuilt.${A}`, undefined]], []],
  [
    "a manifest without commits of ours",
    [at("s3://b/t", { manifest: manifest(A, "s3://b/t") })],
    [["a", "n.a", undefined]],
    [],
  ],
  [
    "a log that was taken over",
    [at("s3://b/t", { author: B, manifest: manifest(A, "s3://b/t") })],
    [["a", "n.a", undefined]],
    [],
  ],
  [
    "a manifest that is out of date",
    [at("s3://b/x/t", { author: B, isManifestOld: true, manifest: manifest(A, "s3://b/x/t") })],
    [["b", "x.t", undefined]],
    [],
  ],
  [
    "a copy",
    [at("s3://b/copy", { author: A, manifest: manifest(A, "s3://b/t") }), ours("s3://b/t")],
    [["a", "n.a", undefined]],
    [["s3://b/copy", "copy"]],
  ],
  [
    "moved as a whole",
    [at("s3://new/t", { author: A, manifest: manifest(A, "s3://b/t") })],
    [["a", "n.a", undefined]],
    [],
  ],
  [
    "moved, and copied",
    [
      at("s3://n/1", { author: A, manifest: manifest(A, "s3://b/t") }),
      at("s3://n/2", { author: A, manifest: manifest(A, "s3://b/t") }),
    ],
    [],
    [
      ["s3://n/1", "ambiguous"],
      ["s3://n/2", "ambiguous"],
    ],
  ],
  ["dropped", [{ ...ours("s3://b/t", A, { status: "dropped", droppedAt: 5 }), newestAt: 5 }], [["a", "n.a", 5]], []],
  [
    "dropped, and written to since",
    [{ ...ours("s3://b/t", A, { status: "dropped", droppedAt: 5 }), newestAt: 6 }],
    [["a", "n.a", undefined]],
    [],
  ],
  [
    "two of one name",
    [ours("s3://b/1", A, { name: "n.same" }), ours("s3://b/2", B, { name: "N.Same" })],
    [
      ["a", "n.same", undefined],
      ["b", "N.Same_bbbbbbbb", undefined],
    ],
    [],
  ],
  [
    "two of one name, of which one was dropped",
    [ours("s3://b/1", A, { name: "n.same", status: "dropped", droppedAt: 9 }), ours("s3://b/2", B, { name: "n.same" })],
    [
      ["a", "n.same", 9],
      ["b", "n.same", undefined],
    ],
    [],
  ],
];

for (const [what, logs, tables, left] of CASES) {
  test(what, () => {
    for (const order of [logs, logs.toReversed()]) {
      assert.deepEqual(names(order), tables);
      assert.deepEqual(skipped(order), left);
    }
  });
}

test("names may be given by id or by place; those of another catalog are left out", () => {
  const logs = [at("s3://b/x/y", { author: A }), ours("s3://b/t", B, { catalogId: A })];
  const options = { names: new Map([["s3://b/x/y", "given.name"]]) };
  assert.deepEqual(names(logs, options)[1]?.[1] ?? names(logs, options)[0]?.[1], "given.name");
  assert.deepEqual(
    names(logs, { names: new Map([[A, "by.id"]]) })
      .map(([, name]) => name)
      .sort(),
    ["by.id", "n.b"],
  );
  assert.deepEqual(planRebuild(logs).catalogId, A);
  assert.deepEqual(skipped(logs, { catalogId: CATALOG }), [["s3://b/t", "otherCatalog"]]);
  const both = planRebuild([ours("s3://b/1", A), ours("s3://b/2", B, { catalogId: A })]);
  assert.deepEqual([both.catalogId, both.catalogs], [undefined, { [CATALOG]: 1, [A]: 1 }]);
});
