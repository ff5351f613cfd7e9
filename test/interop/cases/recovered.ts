/** After a restore to a moment, with the later log set aside or left and forked, and after a move: every version reads everywhere, and tables go on. */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openLocalLake } from "../../../lib/lake/local.ts";
import { findHead } from "../../../lib/operations/read.ts";
import { type Reading, readEverywhere } from "../support/compare.ts";
import { AT_ONCE, type Reader } from "../support/engines.ts";
import { type Golden, openGolden } from "../support/golden.ts";
import type { Lab } from "../support/lab.ts";
import { commit, commitLike, replay } from "../support/replay.ts";
import { type Service, startService } from "../support/service.ts";

const KINDS = ["delta-rs/history", "spark/partitioned-deletion-vectors"] as const;
const OFTEN = { "delta.checkpointInterval": "2" };
/** Those that read files at absolute paths; the others take such a path for one within the table. */
const READ_FORKS: readonly Reader[] = ["Spark"];

export function recovered(lab: Lab): void {
  describe("recovered and moved", { concurrency: 3 }, () => {
    for (const kind of KINDS) {
      test(`${kind}, back to a moment, the log behind it set aside`, () => backTo(lab, kind, "truncate-log"));
      test(`${kind}, back to a moment, on a fork of the log`, () => backTo(lab, kind, "fork-log"));
      test(`${kind}, at another place`, () => moved(lab, kind));
    }
  });
}

async function backTo(lab: Lab, kind: string, choice: "truncate-log" | "fork-log"): Promise<void> {
  const golden = openGolden(kind);
  const root = join(lab.folder, `${choice}-${kind.replace(/\W/g, "-")}`);
  const [before, after, backups] = ["before", "after", "backups"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [before, after]) mkdirSync(folder, { recursive: true });
  const cut = Math.floor(golden.head / 2);
  const name = "back.again";
  const lost = await startService(before);
  let versions: Map<number, number>;
  try {
    versions = new Map((await replay(lost, golden, { name, configuration: OFTEN })).versions);
    await done(lost, "backup", "--to", backups);
  } finally {
    await lost.close();
  }
  const at = await timeOf(join(before, "catalog.sqlite"), name, versions.get(cut) ?? 0);
  const fork = join(root, "fork");
  await done(
    lost,
    ...["restore", "--from", backups, "--at", String(at), "--database", join(after, "catalog.sqlite")],
    ...(choice === "fork-log" ? ["--fork-log", fork] : ["--truncate-log"]),
  );
  for (const original of versions.keys()) if (original > cut) versions.delete(original);
  const service = await startService(after);
  try {
    const { location } = (await service.call("GET", `/v1/tables/${name}`)) as unknown as { location: string };
    const path = new URL(location).pathname;
    const readers = choice === "fork-log" ? READ_FORKS : AT_ONCE;
    const readings = () => readingsOf(golden, path, versions, choice);
    assert.deepEqual(await readEverywhere(lab.engines, lab.grid, choice, readings(), readers), []);
    if (choice === "truncate-log") await goOn(service, golden, name, versions);
    // On a fork the files that its writer would remove have other paths: one commit more, which changes no row.
    else
      versions.set(cut, await commit(service, name, versions.get(cut) ?? 0, [{ commitInfo: { operation: "NOTE" } }]));
    assert.deepEqual(await readEverywhere(lab.engines, lab.grid, choice, readings(), readers), []);
    await done(service, "diff", "--table", name);
  } finally {
    await service.close();
  }
}

async function moved(lab: Lab, kind: string): Promise<void> {
  const golden = openGolden(kind);
  const name = `moved.t_${kind.replace(/\W/g, "_")}`;
  const { versions: all } = await replay(lab.service, golden, { name, configuration: OFTEN });
  const to = join(lab.folder, "moved", kind);
  await done(lab.service, "relocate", name, "--to", to, "--yes");
  const versions = new Map(all);
  const readings = () => readingsOf(golden, to, versions, "moved");
  assert.deepEqual(await readEverywhere(lab.engines, lab.grid, "moved", readings()), []);
  // From here on it lives there alone.
  const { version } = await lab.service.call("GET", `/v1/tables/${name}`);
  assert.ok(version > (versions.get(golden.head) ?? 0), "the move is a version of its own");
  await done(lab.service, "diff", "--table", name);
}

/** Commits again what was lost after the cut. */
async function goOn(service: Service, golden: Golden, name: string, versions: Map<number, number>): Promise<void> {
  for (let version = Math.max(...versions.keys()) + 1; version <= golden.head; version += 1) {
    versions.set(version, await commitLike(service, name, golden.actions(version)));
  }
}

function readingsOf(golden: Golden, path: string, versions: ReadonlyMap<number, number>, label: string): Reading[] {
  return [...versions].flatMap(([original, version]) => {
    const rows = golden.rows(original);
    return rows === undefined
      ? []
      : [{ label, path, version, rows, control: { path: golden.path, version: original } }];
  });
}

/** Milliseconds. */
async function timeOf(database: string, name: string, version: number): Promise<number> {
  const lake = await openLocalLake({ database, mirror: false, verifyFiles: "off" });
  try {
    return (await lake.catalog.readSummary((await findHead(lake, { name })).tableId, version)).timestamp;
  } finally {
    await lake.close();
  }
}

async function done(service: Service, ...args: string[]): Promise<void> {
  const { code, output } = await service.dl(...args);
  assert.equal(code, 0, `dl ${args.join(" ")}: ${output}`);
}
