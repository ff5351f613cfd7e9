/** Filters before and after a checkpoint (docs/delta-rules.md §9.10, §9.19): readers skip files by what our checkpoints say of them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Reading, readEverywhere } from "../support/compare.ts";
import { AT_ONCE, type Filter, type Row } from "../support/engines.ts";
import { type Action, type Golden, openGolden } from "../support/golden.ts";
import type { Lab } from "../support/lab.ts";
import { type ReplayOptions, replay } from "../support/replay.ts";
import { logFiles, variantsOf } from "../support/variants.ts";

const NAMES: readonly Filter[] = [
  { column: "name", op: "=", type: "string", values: ["a/b=c%20d?#:&"] },
  { column: "name", op: "=", type: "string", values: ["Zürich 東京 😀"] },
  { column: "name", op: "<>", type: "string", values: ["plain"] },
  { column: "name", op: "in", type: "string", values: ["null", "tab\tline\nend", "é"] },
  { column: "name", op: "is null", type: "string" },
  { column: "day", op: "=", type: "date", values: ["1969-12-31"] },
  { column: "day", op: "is not null", type: "date" },
  { column: "level", op: "<>", type: "long", values: [0] },
  { column: "level", op: "is null", type: "long" },
  { column: "id", op: ">", type: "long", values: [6] },
  { column: "value", op: "=", type: "string", values: ["value 5"] },
];

const EDGES: readonly Filter[] = [
  { column: "big", op: "=", type: "long", values: ["9007199254740993"] },
  { column: "big", op: "<", type: "long", values: ["-9007199254740992"] },
  { column: "big", op: ">", type: "long", values: ["9223372036854775806"] },
  { column: "text", op: "=", type: "string", values: [`${"z".repeat(40)}😀`] },
  { column: "day", op: "=", type: "date", values: ["9999-12-31"] },
  { column: "whole", op: "is null", type: "long" },
  { column: "instant", op: ">", type: "instant", values: ["2999-12-31T23:59:59.999998Z"] },
];

const TIMES: readonly Filter[] = [
  { column: "ts", op: "=", type: "instant", values: ["2024-02-29T23:59:59.123456Z"] },
  { column: "ts", op: "<", type: "instant", values: ["2024-02-29T23:59:59.123457Z"] },
  { column: "ts", op: "is null", type: "instant" },
];

const STATS = { "delta.checkpoint.writeStatsAsStruct": "true" };
const STRUCTS_ONLY = { ...STATS, "delta.checkpoint.writeStatsAsJson": "false" };
const SETTINGS = [
  { label: "statistics as JSON", configuration: {} },
  { label: "statistics as structs", configuration: STRUCTS_ONLY },
];

export function filters(lab: Lab): void {
  describe("§9.10, §9.19: filters before and after a checkpoint", { concurrency: 3 }, () => {
    for (const { label, configuration } of SETTINGS) {
      test(`on partition columns of special values, ${label}`, () =>
        filtered(lab, openGolden("delta-rs/partitioned"), NAMES, { name: nameOf("names", label), configuration }));
      test(`on values at the edges of their types, ${label}`, () =>
        filtered(lab, openGolden("delta-rs/all-types"), EDGES, {
          name: nameOf("edges", label),
          configuration,
          withoutSpark: configuration !== STRUCTS_ONLY,
        }));
    }
    test("on timestamps spelled in two ways in partitionValues", () => {
      const options = { name: "filters.times", configuration: STATS, edit: isoTimes };
      return filtered(lab, openGolden("spark/partitioned"), TIMES, options);
    });
  });
}

const nameOf = (name: string, label: string) => `filters.${name}_${label.split(" ").at(-1)}`;

/** Every second file's timestamp as ISO 8601 in UTC, as newer writers spell it. */
function isoTimes(actions: readonly Action[]): readonly Action[] {
  return actions.map((action) => {
    const { add } = action;
    const values = add?.partitionValues as Record<string, string | null> | undefined;
    if (!add || !values?.ts || Number.parseInt(/part-\d+-(\w)/.exec(String(add.path))?.[1] ?? "0", 16) % 2 === 0) {
      return action;
    }
    return { add: { ...add, partitionValues: { ...values, ts: `${values.ts.replace(" ", "T")}Z` } } };
  });
}

interface FilterOptions extends ReplayOptions {
  /** A minute of Spark buys nothing where another test has asked it the same of the same commits. */
  readonly withoutSpark?: boolean;
}

async function filtered(lab: Lab, golden: Golden, all: readonly Filter[], options: FilterOptions): Promise<void> {
  const interval = { "delta.checkpointInterval": "3" };
  const table = await replay(lab.service, golden, {
    ...options,
    configuration: { ...interval, ...options.configuration },
  });
  const last = logFiles(table.path).checkpoints.at(-1) ?? 0;
  const [original = golden.head] = [...table.versions].flatMap(([theirs, ours]) => (ours === last ? [theirs] : []));
  const rows = golden.rows(original) ?? [];
  const readings: Reading[] = variantsOf(table.path, join(lab.folder, options.name))
    .filter(({ label }) => label !== "as mirrored")
    .flatMap(({ label, path }) =>
      all.map((where) => ({
        label,
        path,
        version: last,
        where,
        rows: rows.filter((row) => matches(row, where)),
        control: { path: golden.path, version: original },
      })),
    );
  for (const { where, rows: expected } of readings) assert.ok(expected.length > 0, `${where?.column} ${where?.op}`);
  const readers = AT_ONCE.filter((reader) => reader !== "kernel-rs" && !(options.withoutSpark && reader === "Spark"));
  assert.deepEqual(await readEverywhere(lab.engines, lab.grid, `filters, ${golden.kind}`, readings, readers), []);
}

/** As SQL has it: null matches IS NULL alone. */
function matches(row: Row, { column, op, type, values = [] }: Filter): boolean {
  const value = row[column] as string | null;
  if (op === "is null" || op === "is not null") return (value === null) === (op === "is null");
  if (value === null) return false;
  const order = (a: string, b: string | number) => {
    if (type === "long") return Number(BigInt(a) - BigInt(b));
    return a < String(b) ? -1 : Number(a > String(b));
  };
  const signs = values.map((wanted) => order(value, wanted));
  if (op === "in") return signs.includes(0);
  const [sign = 0] = signs;
  return { "=": sign === 0, "<>": sign !== 0, "<": sign < 0, ">": sign > 0 }[op];
}
