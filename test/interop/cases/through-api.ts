/** Tables that engines wrote, committed again through our API: every version of the mirrored log, read by everyone. */

import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Reading, readEverywhere } from "../support/compare.ts";
import { type Golden, goldenTables, logName, openGolden } from "../support/golden.ts";
import { Grid } from "../support/grid.ts";
import type { Lab } from "../support/lab.ts";
import { commit, type Replayed, type ReplayOptions, replay } from "../support/replay.ts";
import { logFiles, variantsOf } from "../support/variants.ts";

/** So that tables of few commits have checkpoints of ours. */
const OFTEN = { "delta.checkpointInterval": "3" };
const STRUCTS = { "delta.checkpoint.writeStatsAsStruct": "true", "delta.checkpoint.writeStatsAsJson": "false" };

interface Case {
  readonly kind: string;
  readonly golden: Golden;
  readonly options?: Omit<ReplayOptions, "name">;
  /** Reads only what the last checkpoint serves: the rest is as in the case with the same table and other properties. */
  readonly checkpointOnly?: boolean;
}

const CASES: readonly Case[] = [
  ...goldenTables().map((golden) => ({ kind: golden.kind, golden })),
  ...["delta-rs/all-types", "spark/partitioned", "spark/column-mapping-name", "spark/type-widening"].map((kind) => ({
    kind: `${kind}, statistics as structs`,
    golden: openGolden(kind),
    options: { configuration: STRUCTS },
    checkpointOnly: true,
  })),
];

export function throughApi(lab: Lab): void {
  describe("written through our API", { concurrency: 3 }, () => {
    for (const { kind, golden, options, checkpointOnly } of CASES) {
      test(kind, async () => {
        const name = `api.t${CASES.findIndex((c) => c.kind === kind)}`;
        const configuration = { ...OFTEN, ...options?.configuration };
        const table = await replay(lab.service, golden, { ...options, name, configuration });
        const diff = await lab.service.dl("diff", "--table", name);
        assert.equal(diff.code, 0, diff.output);
        const expected = Math.floor(Math.max(...table.versions.values()) / 3);
        assert.equal(logFiles(table.path).checkpoints.length, expected, "a checkpoint after every third version");
        const wrong = await readEverywhere(
          lab.engines,
          lab.grid,
          kind,
          readings(lab, golden, table).filter(({ label }) => !checkpointOnly || label.endsWith("cleaned up")),
        );
        assert.deepEqual(wrong, []);
      });
    }
    withoutFiles(lab);
    noticed(lab);
    rowIds(lab);
    changeFeed(lab);
    timeTravel(lab);
  });
}

function readings(lab: Lab, golden: Golden, table: Replayed): Reading[] {
  const originals = new Map([...table.versions].map(([original, ours]) => [ours, original]));
  return variantsOf(table.path, join(lab.folder, table.name)).flatMap(({ label, path, versions }) =>
    versions.flatMap((version) => {
      const original = originals.get(version);
      const rows = original === undefined ? [] : golden.rows(original);
      if (rows === undefined) return [];
      const control = original === undefined ? {} : { control: { path: golden.path, version: original } };
      return [{ label, path, version, rows, ...control }];
    }),
  );
}

function withoutFiles(lab: Lab): void {
  test("no files at all", async () => {
    const name = "api.no_files";
    const field = (column: string, type: string) => ({ name: column, type, nullable: true, metadata: {} });
    const schema = { type: "struct", fields: [field("id", "long"), field("day", "date")] };
    const configuration = { ...OFTEN, "delta.checkpoint.writeStatsAsStruct": "true" };
    await lab.service.call("POST", "/v1/tables", { name, schema, partitionColumns: ["day"], configuration });
    for (let version = 0; version < 4; version += 1) {
      await commit(lab.service, name, version, [{ commitInfo: { operation: "NOTE" } }]);
    }
    const path = join(lab.service.storage, "api", "no_files");
    const all = variantsOf(path, join(lab.folder, name)).flatMap((variant) =>
      variant.versions.map((version) => ({ label: variant.label, path: variant.path, version, rows: [] })),
    );
    assert.deepEqual(await readEverywhere(lab.engines, lab.grid, "no files", all), []);
  });
}

function rowIds(lab: Lab): void {
  test("row ids stay with their rows, as Spark reads them from the original and from ours", async () => {
    const golden = openGolden("spark/row-tracking");
    const table = await replay(lab.service, golden, { name: "api.row_ids", configuration: OFTEN });
    for (const [original, ours] of table.versions) {
      const found = await lab.engines.read("Spark row ids", table.path, ours);
      assert.ok("rows" in found, `version ${ours}: ${JSON.stringify(found)}`);
      const ids = found.rows.map((row) => row.row_id);
      assert.deepEqual([...new Set(ids)], ids, "no id twice");
      assert.deepEqual(found, await lab.engines.read("Spark row ids", golden.path, original), `version ${ours}`);
    }
  });
}

function changeFeed(lab: Lab): void {
  test("the change feed that Spark wrote reads the same from our log", async () => {
    const golden = openGolden("spark/change-feed");
    const table = await replay(lab.service, golden, { name: "api.changes", configuration: OFTEN });
    const found = await lab.engines.read("Spark change feed", table.path, 1);
    assert.deepEqual(found, { rows: golden.more.changes });
  });
}

function timeTravel(lab: Lab): void {
  test("delta-rs, which goes by the times of files, is at the same version as SQL at the time of every commit", async () => {
    const table = await replay(lab.service, openGolden("delta-rs/history"), {
      name: "api.times",
      configuration: OFTEN,
    });
    const found = await lab.engines.look<{ version: number; found: number }[]>("delta-rs by time", table.path);
    assert.ok(found.length > 5, "commits with a time of their own");
    assert.deepEqual(
      found,
      found.map(({ version }) => ({ version, found: version })),
    );
  });
}

/** The suite's own test: each damage must be seen by a reader, and must count as ours. */
function noticed(lab: Lab): void {
  test("a deletion vector lost from a commit is noticed, and so is a file lost from a checkpoint", async () => {
    const golden = openGolden("spark/deletion-vectors");
    const table = await replay(lab.service, golden, { name: "api.damaged", configuration: OFTEN });
    const [, commitsOnly, cleaned] = variantsOf(table.path, join(lab.folder, table.name));
    assert.ok(commitsOnly && cleaned);
    const file = join(commitsOnly.path, "_delta_log", `${logName(3)}.json`);
    writeFileSync(file, readFileSync(file, "utf8").replace(/"deletionVector":\{[^}]*\},?/, ""));
    const [last = 0] = cleaned.versions;
    copyFileSync(
      join(table.path, "_delta_log", `${logName(3)}.checkpoint.parquet`),
      join(cleaned.path, "_delta_log", `${logName(last)}.checkpoint.parquet`),
    );
    const damaged = [
      { label: "commit", path: commitsOnly.path, version: 3, original: 3 },
      { label: "checkpoint", path: cleaned.path, version: last, original: last },
    ].map((d) => ({ ...d, rows: golden.rows(d.original) ?? [], control: { path: golden.path, version: d.original } }));
    const wrong = await readEverywhere(lab.engines, new Grid(), "damaged", damaged);
    for (const reader of ["Spark", "delta-rs", "Polars", "DuckDB", "kernel-rs"]) {
      assert.equal(wrong.filter((line) => line.startsWith(`${reader},`)).length, 2, `${reader}: ${wrong.join("\n")}`);
    }
  });
}
