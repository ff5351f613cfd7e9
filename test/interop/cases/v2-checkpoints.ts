/** Tables whose owner wants V2 checkpoints: every version reads everywhere, also where the newest checkpoint is all that readers have. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openLocalLake, toLocation } from "../../../lib/lake/local.ts";
import { readEverywhere } from "../support/compare.ts";
import { AT_ONCE, type Reader } from "../support/engines.ts";
import { openGolden } from "../support/golden.ts";
import type { Lab } from "../support/lab.ts";
import { replay } from "../support/replay.ts";
import { variantsOf } from "../support/variants.ts";

/** They know the feature by name and refuse any table that has it, whatever its checkpoints are. */
const REFUSE: readonly Reader[] = ["Polars", "delta-rs (pyarrow)"];
const READ = AT_ONCE.filter((reader) => !REFUSE.includes(reader));

const KINDS = ["delta-rs/history", "spark/partitioned-deletion-vectors"] as const;

export function v2Checkpoints(lab: Lab): void {
  describe("V2 checkpoints of ours", () => {
    for (const kind of KINDS) test(kind, () => readsEverywhere(lab, kind));
  });
}

async function readsEverywhere(lab: Lab, kind: string): Promise<void> {
  const golden = openGolden(kind);
  const own = kind.replace(/\W/g, "_");
  const configuration = { "delta.checkpointPolicy": "v2", "delta.checkpointInterval": "1" };
  const { name, path, versions } = await replay(lab.service, golden, { name: `v2.${own}`, configuration });
  const named = await sidecarsByCheckpoint(lab, path);
  assert.ok(named.length > 1);
  for (const sidecars of named) assert.ok(sidecars.length > 0, "each checkpoint has sidecars");
  const all = named.flat();
  assert.ok(new Set(all).size < all.length, "some are named by more than one checkpoint");
  const control = (original: number) => ({ path: golden.path, version: original });
  const originals = new Map([...versions].map(([original, version]) => [version, original]));
  const readings = variantsOf(path, join(lab.folder, `v2-${own}`)).flatMap((variant) =>
    variant.versions.flatMap((version) => {
      const original = originals.get(version);
      const rows = original === undefined ? undefined : golden.rows(original);
      if (original === undefined || rows === undefined) return [];
      return [{ label: variant.label, path: variant.path, version, rows, control: control(original) }];
    }),
  );
  assert.ok(readings.some(({ label }) => label !== "as mirrored"));
  assert.deepEqual(await readEverywhere(lab.engines, lab.grid, "V2 checkpoints", readings, READ), []);
  for (const reader of REFUSE) {
    const found = await lab.engines.read(reader, path);
    assert.ok(
      "refused" in found,
      `${reader} reads such tables by now: take it out of this list and of docs/interop.md`,
    );
    assert.match(found.refused, /v2Checkpoint|deletionVectors/);
  }
  const { code, output } = await lab.service.dl("diff", "--table", name);
  assert.equal(code, 0, output);
}

async function sidecarsByCheckpoint(lab: Lab, path: string): Promise<(readonly string[])[]> {
  const lake = await openLocalLake({ database: join(lab.folder, "catalog.sqlite"), mirror: false, verifyFiles: "off" });
  try {
    const log = lake.openLog(await toLocation(path));
    return await Promise.all((await log.list()).checkpoints.map((checkpoint) => log.readSidecarNames(checkpoint)));
  } finally {
    await lake.close();
  }
}
