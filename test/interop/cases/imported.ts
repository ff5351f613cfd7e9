/** Tables that engines wrote, imported, continued through our API with the engine's own files, and read again by everyone. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Reading, readEverywhere } from "../support/compare.ts";
import { AT_ONCE } from "../support/engines.ts";
import { copyUpTo, type Golden, goldenTables, logName, openGolden } from "../support/golden.ts";
import type { Lab } from "../support/lab.ts";
import { commit, commitLike } from "../support/replay.ts";
import { logFiles, variantsOf } from "../support/variants.ts";

type Mode = "full-history" | "snapshot";

export function imported(lab: Lab): void {
  describe("imported and continued through our API", { concurrency: 3 }, () => {
    for (const golden of goldenTables()) {
      for (const mode of ["full-history", "snapshot"] as const) {
        test(`${golden.kind}, ${mode}`, async () => {
          const table = await importAndContinue(lab, golden, mode);
          const diff = await lab.service.dl("diff", "--table", table.name);
          assert.equal(diff.code, 0, diff.output);
          untouched(golden, table.path);
          const all = readings(lab, golden, mode, table);
          const kind = `imported ${golden.kind}`;
          const wrong = await Promise.all([
            readEverywhere(lab.engines, lab.grid, kind, all, OTHERS),
            readEverywhere(lab.engines, lab.grid, kind, all.filter(needsSpark(golden)), ["Spark"]),
          ]);
          assert.deepEqual(wrong.flat(), []);
        });
      }
    }
    for (const kind of ["spark/history", "delta-rs/history"]) foreignCommit(lab, kind);
  });
}

const OTHERS = AT_ONCE.filter((reader) => reader !== "Spark");

/** Spark takes a second for each: of the versions that are as they were, byte for byte, it reads the first and the last. */
function needsSpark(golden: Golden): (reading: Reading) => boolean {
  const first = Array.from({ length: golden.head }, (_, v) => v).find((v) => (golden.rows(v)?.length ?? 0) > 0);
  return ({ version = 0 }) => version >= golden.continueFrom || version === first;
}

/** Importing and continuing leaves every file of the log as it was. */
function untouched(golden: Golden, path: string): void {
  const { commits, checkpoints } = logFiles(golden.path);
  const old = [...commits, ...checkpoints].filter((version) => version <= golden.continueFrom).map(logName);
  const log = join(golden.path, "_delta_log");
  for (const name of readdirSync(log).filter((file) => old.includes(file.slice(0, 20)))) {
    assert.deepEqual(readFileSync(join(path, "_delta_log", name)), readFileSync(join(log, name)), name);
  }
}

interface Imported {
  readonly name: string;
  readonly path: string;
  readonly head: number;
}

/** Takes the table over without its last commits, makes these through our API, and goes on to a checkpoint of ours. */
async function importAndContinue(lab: Lab, golden: Golden, mode: Mode, suffix = ""): Promise<Imported> {
  const name = `${mode}.${golden.kind.replace("/", "_")}${suffix}`;
  const path = join(lab.folder, "imported", name);
  copyUpTo(golden, path, golden.continueFrom);
  const result = await lab.service.call("POST", "/v1/tables/import", { name, location: path, mode });
  assert.equal(result.version, golden.continueFrom);
  for (let version = golden.continueFrom + 1; version <= golden.head; version += 1) {
    assert.equal(await commitLike(lab.service, name, golden.actions(version)), version);
  }
  const { metadata } = await lab.service.call("GET", `/v1/tables/${name}`);
  const interval = metadata.configuration["delta.checkpointInterval"];
  if (interval === "100") return { name, path, head: golden.head };
  let head = golden.head;
  if (interval === undefined) {
    // Where we choose, one would come later, and every version is read by everyone.
    const configuration = { ...metadata.configuration, "delta.checkpointInterval": "1" };
    head = await commit(lab.service, name, head, [{ metaData: { ...metadata, configuration } }]);
  }
  while (head % Number(interval ?? 1) !== 0) {
    head = await commit(lab.service, name, head, [{ commitInfo: { operation: "NOTE" } }]);
  }
  assert.ok(logFiles(path).checkpoints.includes(head), `a checkpoint of ours at ${head}`);
  return { name, path, head };
}

function readings(lab: Lab, golden: Golden, mode: Mode, table: Imported): Reading[] {
  const of = (label: string, path: string, versions: readonly number[]) =>
    versions.flatMap((version) => {
      const original = Math.min(version, golden.head);
      const rows = golden.rows(original);
      return rows === undefined
        ? []
        : [{ label, path, version, rows, control: { path: golden.path, version: original } }];
    });
  if (mode === "snapshot") return of(mode, table.path, [golden.head]);
  return variantsOf(table.path, join(lab.folder, "imported", `${table.name}-copy`))
    .filter(({ label }) => label !== "without checkpoints")
    .flatMap(({ label, path, versions }) => of(`${mode}, ${label}`, path, versions));
}

function foreignCommit(lab: Lab, kind: string): void {
  const writer = kind.startsWith("spark") ? "Spark append" : "delta-rs append";
  test(`${kind}: an append that the engine makes behind our back is drift, and stops the mirror`, async () => {
    const { name, path, head } = await importAndContinue(lab, openGolden(kind), "full-history", "_foreign");
    assert.equal(await lab.engines.write(writer, path), undefined, "the engine can write: nothing fences the table");
    const diff = await lab.service.dl("diff", "--table", name);
    assert.equal(diff.code, 2, diff.output);
    const answer = await lab.service.call("POST", "/v1/commits", {
      transactionId: crypto.randomUUID(),
      tables: [{ table: name, readVersion: head, actions: [{ commitInfo: { operation: "NOTE" } }], reads: {} }],
      acknowledge: "sql",
    });
    assert.equal(answer.tables[0]?.version, head + 1, "SQL goes on");
    let quarantine: string | undefined;
    for (let i = 0; i < 50 && quarantine === undefined; i += 1) {
      ({ quarantine } = await lab.service.call("GET", `/v1/tables/${name}`));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.match(quarantine ?? "", /holds another commit/);
  });
}
