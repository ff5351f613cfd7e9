/** Bugs that others hit and that concern a writer of logs (docs/delta-rules.md §9), each by its number. Numbers 10 and 19 are in filters.ts. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type JsonObject, parseJson, stringifyJson } from "../../../lib/delta/values/json.ts";
import { readEverywhere } from "../support/compare.ts";
import { type Action, copyUpTo, logName, openGolden } from "../support/golden.ts";
import type { Lab } from "../support/lab.ts";
import { commit, type Replayed, replay } from "../support/replay.ts";
import { copyWithout, logFiles, variantsOf } from "../support/variants.ts";

const OFTEN = { "delta.checkpointInterval": "3" };

export function bugs(lab: Lab): void {
  describe("§9: bugs that others hit", () => {
    actionOrder(lab);
    wrongRemoves(lab);
    deletionVectorsSwitchedOff(lab);
    notFinite(lab);
    domains(lab);
    commitInfo(lab);
    vacuum(lab);
    conflicts(lab);
    brokenLogs(lab);
    checkpointBytes(lab);
  });
}

/** What all readers make of the last checkpoint alone, and of the commits alone. */
async function readHead(lab: Lab, grid: string, table: Replayed, golden = openGolden("spark/deletion-vectors")) {
  const last = logFiles(table.path).checkpoints.at(-1) ?? 0;
  const original = [...table.versions].find(([, ours]) => ours === last)?.[0] ?? golden.head;
  const control = { path: golden.path, version: original };
  const rows = golden.rows(original) ?? [];
  const copies = variantsOf(table.path, join(lab.folder, table.name)).filter(({ label }) => label !== "as mirrored");
  const all = copies.map(({ label, path }) => ({ label, path, version: last, rows, control }));
  assert.deepEqual(await readEverywhere(lab.engines, lab.grid, grid, all), []);
}

function actionOrder(lab: Lab): void {
  for (const first of ["add", "remove"] as const) {
    test(`§9.1: ${first} actions come first in the request; a file with a new deletion vector lives on`, async () => {
      const rank = (action: Action) => (action[first] ? 0 : 1);
      const edit = (actions: readonly Action[]) => [...actions].sort((a, b) => rank(a) - rank(b));
      const golden = openGolden("spark/deletion-vectors");
      const table = await replay(lab.service, golden, { name: `bugs.${first}_first`, configuration: OFTEN, edit });
      await readHead(lab, "deletion vectors, actions in any order", table);
    });
  }
}

function wrongRemoves(lab: Lab): void {
  test("§9.2: a remove that does not name the live file exactly is refused", async () => {
    const golden = openGolden("spark/partitioned-deletion-vectors");
    const { name } = await replay(lab.service, golden, { name: "bugs.removes" });
    const { files, version } = await lab.service.call("GET", `/v1/tables/${name}/files`);
    const file = files.find((f) => f.deletionVector && f.path.includes("%"));
    assert.ok(file);
    const removes = {
      "without its deletion vector": { ...file, deletionVector: undefined },
      "by a path that is decoded once too often": { ...file, path: decodeURIComponent(file.path) },
      "by a path that is encoded once too often": { ...file, path: file.path.replaceAll("%", "%25") },
    };
    for (const [what, { path, partitionValues, size, deletionVector }] of Object.entries(removes)) {
      const remove = { path, partitionValues, size, deletionVector, dataChange: true, extendedFileMetadata: true };
      const attempt = commit(lab.service, name, version, [{ remove }]);
      await assert.rejects(attempt, /answered 400/, what);
    }
  });
}

function deletionVectorsSwitchedOff(lab: Lab): void {
  test("§9.3: deletion vectors count after delta.enableDeletionVectors has become false", async () => {
    const golden = openGolden("spark/deletion-vectors");
    const table = await replay(lab.service, golden, { name: "bugs.dv_off", configuration: OFTEN });
    const { metadata, version } = await lab.service.call("GET", `/v1/tables/${table.name}`);
    const configuration = { ...metadata.configuration, "delta.enableDeletionVectors": "false" };
    let head = await commit(lab.service, table.name, version, [{ metaData: { ...metadata, configuration } }]);
    while (head % 3 !== 0) head = await commit(lab.service, table.name, head, [{ commitInfo: {} }]);
    // Daft looks at the property alone, also in the log that Spark wrote: the control has it off, too.
    const control = join(lab.folder, "dv-off-control");
    copyUpTo(golden, control, golden.head);
    const switchedOff = golden.actions(0).find((action) => action.metaData)?.metaData;
    const properties = { "delta.enableDeletionVectors": "false" };
    const commitFile = join(control, "_delta_log", `${logName(golden.head + 1)}.json`);
    writeFileSync(commitFile, JSON.stringify({ metaData: { ...switchedOff, configuration: properties } }));
    const versions = new Map(table.versions).set(golden.head + 1, head);
    const rows = golden.rows(golden.head);
    await readHead(
      lab,
      "deletion vectors, switched off later",
      { ...table, versions },
      { ...golden, path: control, rows: () => rows },
    );
  });
}

function notFinite(lab: Lab): void {
  test("§9.6: NaN and Infinity in statistics, as Spark spells them", async () => {
    const golden = openGolden("delta-rs/all-types");
    const edit = (actions: readonly Action[]) =>
      actions.map(({ add, ...other }) =>
        add ? { add: { ...add, stats: withNaN(String(add.stats)) } } : other,
      ) as Action[];
    for (const [name, asJson] of [
      ["bugs.nan_json", "true"],
      ["bugs.nan_struct", "false"],
    ] as const) {
      const configuration = {
        ...OFTEN,
        "delta.checkpoint.writeStatsAsStruct": "true",
        "delta.checkpoint.writeStatsAsJson": asJson,
      };
      const table = await replay(lab.service, golden, { name, configuration, edit });
      assert.ok(logFiles(table.path).checkpoints.length >= 2, "checkpoints were written");
      await readHead(lab, "NaN in statistics", table, golden);
    }
  });
}

function withNaN(text: string): string {
  const { minValues, maxValues, ...stats } = parseJson(text) as JsonObject;
  const low = { ...(minValues as JsonObject), twice: "-Infinity", single: "NaN" };
  const high = { ...(maxValues as JsonObject), twice: "NaN", single: "Infinity" };
  return stringifyJson({ ...stats, minValues: low, maxValues: high });
}

function domains(lab: Lab): void {
  test("§9.11: checkpoints keep live domains and drop removed ones", async () => {
    const golden = openGolden("delta-rs/partitioned");
    const configuration = { ...OFTEN, "delta.feature.domainMetadata": "supported" };
    const table = await replay(lab.service, golden, { name: "bugs.domains", configuration });
    const set = (domain: string, text: string, removed = false) => ({
      domainMetadata: { domain, configuration: text, removed },
    });
    let head = Math.max(...table.versions.values());
    head = await commit(lab.service, table.name, head, [set("app.a", '{"n":1}'), set("app.b", "x")]);
    head = await commit(lab.service, table.name, head, [
      set("app.a", '{"n":9007199254740993,"t":"é\\n"}'),
      set("app.b", "", true),
    ]);
    while (head % 3 !== 0) head = await commit(lab.service, table.name, head, [{ commitInfo: {} }]);
    const rows = await checkpointRows(lab, table.path, head);
    assert.deepEqual(
      rows.flatMap((row) => row.domainMetadata ?? []),
      [{ domain: "app.a", configuration: '{"n":9007199254740993,"t":"é\\n"}', removed: false }],
    );
    const versions = new Map(table.versions).set(golden.head, head);
    await readHead(lab, "domain metadata", { ...table, versions }, golden);
  });
}

function commitInfo(lab: Lab): void {
  test("§9.14: histories stay readable whatever a client puts into commitInfo", async () => {
    const { name, path } = await replay(lab.service, openGolden("delta-rs/history"), { name: "bugs.commit_info" });
    const { version } = await lab.service.call("GET", `/v1/tables/${name}`);
    const operationParameters = { mode: null, count: 3, list: ["a", 1], nested: { x: true }, text: "t" };
    const head = await commit(lab.service, name, version, [
      { commitInfo: { operation: "WRITE", operationParameters, operationMetrics: { n: 5 }, mine: { deep: [null] } } },
    ]);
    for (const engine of ["Spark history", "delta-rs history"]) {
      const history = await lab.engines.look<{ version: number; operation: string }[]>(engine, path);
      assert.equal(history.length, head + 1, engine);
      assert.equal(history[0]?.operation, "WRITE", engine);
    }
  });
}

function vacuum(lab: Lab): void {
  test("§9.16: a foreign VACUUM finds exactly the files that were removed, whatever their paths hold", async () => {
    const { name, path } = await replay(lab.service, openGolden("delta-rs/partitioned"), { name: "bugs.vacuum" });
    const { files, version } = await lab.service.call("GET", `/v1/tables/${name}/files`);
    const odd = files.filter((file) => file.path.includes("%25") || file.path.includes("%20"));
    const removes = odd.map(({ path, partitionValues, size }) => ({
      remove: { path, partitionValues, size, dataChange: true, extendedFileMetadata: true, deletionTimestamp: 1 },
    }));
    assert.ok(removes.length > 0);
    const before = await lab.engines.look<string[]>("vacuum candidates", path);
    await commit(lab.service, name, version, removes);
    const candidates = await lab.engines.look<string[]>("vacuum candidates", path);
    assert.equal(candidates.length, before.length + removes.length);
    for (const candidate of candidates) assert.ok(existsSync(join(path, candidate)), `no file ${candidate}`);
    const live = files.flatMap((file) => (odd.includes(file) ? [] : [decodeURIComponent(file.path)]));
    assert.deepEqual(
      candidates.filter((candidate) => live.includes(candidate)),
      [],
    );
  });
}

function conflicts(lab: Lab): void {
  test("§9.17: two metaData actions are refused, and an append does not fail because of OPTIMIZE or DELETE", async () => {
    const golden = openGolden("spark/deletion-vectors");
    const { name, versions } = await replay(lab.service, golden, { name: "bugs.appends" });
    const { metadata, version } = await lab.service.call("GET", `/v1/tables/${name}`);
    await assert.rejects(
      commit(lab.service, name, version, [{ metaData: metadata }, { metaData: metadata }]),
      /answered 400/,
    );
    const [add] = golden.actions(1).flatMap((action) => action.add ?? []);
    const late = { ...(add as object), path: "late.parquet" };
    const head = await commit(lab.service, name, versions.get(2) ?? 0, [{ add: late }]);
    assert.equal(head, version + 1, "an append that read version 2, before DELETE, UPDATE and OPTIMIZE");
  });
}

function brokenLogs(lab: Lab): void {
  test("§9.5, §9.12, §9.13, §9.18: we read logs whose hint, checkpoint or commit is broken as far as they can be read", async () => {
    const golden = openGolden("delta-rs/partitioned");
    const { name, path } = await replay(lab.service, golden, { name: "bugs.sound", configuration: OFTEN });
    await commit(lab.service, name, 6, [{ commitInfo: {} }]);
    const hint = join("_delta_log", "_last_checkpoint");
    const { commits, checkpoints } = logFiles(path);
    const [head = 0, last = 0] = [commits.at(-1), checkpoints.at(-1)];
    const damage: Record<string, (copy: string) => void> = {
      "an empty hint": (copy) => truncateSync(join(copy, hint)),
      "a torn hint": (copy) => writeFileSync(join(copy, hint), '{"version":'),
      "a hint to a checkpoint that is gone": (copy) => writeFileSync(join(copy, hint), '{"version":3,"size":9}'),
      "a corrupt newest checkpoint": (copy) =>
        truncateSync(join(copy, "_delta_log", `${logName(last)}.checkpoint.parquet`), 100),
      // For every reader of this suite that is a version without actions.
      "an empty commit": (copy) => truncateSync(join(copy, "_delta_log", `${logName(head)}.json`)),
    };
    for (const [i, [what, harm]] of Object.entries(damage).entries()) {
      const copy = join(lab.folder, `broken-${i}`);
      copyWithout(path, copy, (file) => what.startsWith("a hint to") && file.includes(`${logName(3)}.checkpoint`));
      harm(copy);
      const answer = await lab.service.request("POST", "/v1/tables/import", {
        name: `bugs.broken_${i}`,
        location: copy,
        mode: "snapshot",
      });
      assert.equal(answer.status, 201, `${what}: ${JSON.stringify(answer)}`);
      assert.equal(answer.body.version, 7, what);
    }
  });
}

/** The facts that §9.4, 7, 8, 9, 13 and 18 are about, in every file that this run's tables got from us. */
function checkpointBytes(lab: Lab): void {
  test("§9.4, §9.7, §9.8, §9.9: no parts, no column index, no empty deletion vectors, nothing required but map keys", async () => {
    const root = join(lab.service.storage, "bugs");
    const tables = readdirSync(root).map((name) => join(root, name));
    let seen = 0;
    for (const table of tables) {
      const { checkpoints } = logFiles(table);
      const names = readdirSync(join(table, "_delta_log"));
      for (const name of names) assert.ok(statSync(join(table, "_delta_log", name)).size > 0, `${name} is empty`);
      assert.deepEqual(
        names.filter((name) => name.endsWith(".crc")),
        [],
        "no checksum that could be wrong",
      );
      if (checkpoints.length === 0) continue;
      const hint = JSON.parse(readFileSync(join(table, "_delta_log", "_last_checkpoint"), "utf8"));
      assert.equal(hint.version, checkpoints.at(-1));
      assert.ok(!("parts" in hint), "Trino cannot read tables with parts: 1");
      for (const version of checkpoints) {
        const file = join(table, "_delta_log", `${logName(version)}.checkpoint.parquet`);
        const facts = await lab.engines.look<{ required: string[]; columnIndexes: boolean }>("parquet facts", file);
        assert.deepEqual(facts.required, [], file);
        assert.equal(facts.columnIndexes, false, file);
        for (const { add } of await checkpointRows(lab, table, version)) {
          if (!add || add.deletionVector === null || add.deletionVector === undefined) continue;
          const { storageType } = add.deletionVector as Record<string, unknown>;
          assert.match(String(storageType), /^[uip]$/, file);
        }
        seen += 1;
      }
    }
    assert.ok(seen > 10, `${seen} checkpoints`);
  });
}

function checkpointRows(
  lab: Lab,
  table: string,
  version: number,
): Promise<Record<string, Record<string, unknown> | undefined>[]> {
  return lab.engines.look("parquet rows", join(table, "_delta_log", `${logName(version)}.checkpoint.parquet`));
}
