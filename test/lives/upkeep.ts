/**
 * Random lives of a table: commits, deletion vectors, restores, vacuums, clean-ups, trims and moves to another place, at once and killed
 * anywhere, while time goes by. After each step every version that is said to be retained has all its files, in SQL and in the log.
 */

import assert from "node:assert/strict";
import type { AddFile } from "../../lib/delta/actions.ts";
import { addFields } from "../../lib/delta/encode.ts";
import { deletionVectorPath } from "../../lib/delta/files/file-places.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { encodeZ85 } from "../../lib/delta/values/z85.ts";
import { isLakeError } from "../../lib/errors.ts";
import { cleanLog } from "../../lib/operations/clean-log.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import { trimHistory } from "../../lib/operations/trim-history.ts";
import { vacuumTable } from "../../lib/operations/vacuum.ts";
import { crashPoint, dying } from "../support/crash.ts";
import { addOf, commitTo, newTable, openTestLake, removeOf, type TestLake } from "../support/lake.ts";
import { type Chance, seeded } from "../support/random.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const DAY = 86_400_000;
const BODY = Uint8Array.of(1);

interface Life {
  readonly lake: TestLake;
  readonly tableId: string;
  /** Where it moves to and fro. */
  readonly places: readonly string[];
  readonly chance: Chance;
  files: number;
  bin: { readonly name: string; readonly key: string; offset: number } | undefined;
}

const pick = <T>(chance: Chance, items: readonly T[]): T => items[Math.floor(chance() * items.length)] as T;

async function headOf({ lake, tableId }: Life): Promise<number> {
  return (await lake.catalog.findTable({ tableId }))?.version ?? -1;
}

async function filesAt({ lake, tableId }: Life, version: number): Promise<readonly AddFile[]> {
  return (await lake.catalog.readFiles(tableId, version, { limit: 10_000 })).items;
}

/** The action that removes a live file as it is. */
function removal({ path, deletionVector }: AddFile): Json {
  const vector = deletionVector && (addFields({ path, deletionVector } as AddFile).deletionVector as Json);
  return removeOf(path, { deletionTimestamp: 1, ...(vector === undefined ? {} : { deletionVector: vector }) });
}

/** A writer puts its files where the table was when it read it. */
async function tableOf({ lake, tableId }: Life): Promise<{ readonly version: number; readonly location: string }> {
  const head = await lake.catalog.findTable({ tableId });
  assert.ok(head);
  return head;
}

async function append(life: Life): Promise<void> {
  const path = `f${life.files++}`;
  const { version, location } = await tableOf(life);
  await life.lake.store(location).put(path, BODY);
  await commitTo(life.lake, life.tableId, version, [addOf(path, { stats: '{"numRecords":9}' })]);
}

async function remove(life: Life): Promise<void> {
  const head = await headOf(life);
  const live = await filesAt(life, head);
  if (live.length > 0) await commitTo(life.lake, life.tableId, head, [removal(pick(life.chance, live))]);
}

/** A new vector for a live file, in a file of its own or in the one of the vector before. */
async function deleteRows(life: Life): Promise<void> {
  const { version: head, location } = await tableOf(life);
  const live = await filesAt(life, head);
  if (live.length === 0) return;
  if (life.bin === undefined || life.chance() < 0.5) {
    const uuid = crypto.randomUUID();
    const bytes = Uint8Array.from(uuid.replaceAll("-", "").match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
    life.bin = { name: encodeZ85(bytes), key: `deletion_vector_${uuid}.bin`, offset: 1 };
  }
  const { bin } = life;
  await life.lake.store(location).put(bin.key, BODY);
  const file = pick(life.chance, live);
  const deletionVector = {
    storageType: "u",
    pathOrInlineDv: bin.name,
    offset: bin.offset,
    sizeInBytes: 36,
    cardinality: 1,
  };
  bin.offset += 44;
  const stats = '{"numRecords":9,"tightBounds":false}';
  const done = await commitTo(life.lake, life.tableId, head, [
    removal(file),
    addOf(file.path, { deletionVector, stats }),
  ]).catch(vacuumed);
  // A vector in a file that vacuum has taken meanwhile is a mistake of this writer.
  if (done === undefined) life.bin = undefined;
}

function vacuumed(error: unknown): undefined {
  if (isLakeError(error) && error.code === "FILE_VACUUMED") return undefined;
  throw error;
}

/** As RESTORE: the head gets the files of an old version again, also of one below the floor, which the API would not tell any more. */
async function restore(life: Life): Promise<void> {
  const { lake, tableId } = life;
  const { baseVersion = 0 } = (await lake.catalog.findTable({ tableId })) ?? {};
  await restoreFrom(life, baseVersion);
}

/** Likewise, of a version that the API tells: while it is under way SQL may forget those below, and with them what has gone. */
async function restoreRetained(life: Life): Promise<void> {
  const { lake, tableId } = life;
  const { baseVersion = 0 } = (await lake.catalog.findTable({ tableId })) ?? {};
  const floor = (await lake.catalog.readUpkeep([tableId]))[0]?.vacuumFloor ?? 0;
  await restoreFrom(life, Math.max(baseVersion, floor));
}

async function restoreFrom(life: Life, oldest: number): Promise<void> {
  const { lake, tableId, chance } = life;
  const head = await headOf(life);
  const target = oldest + Math.floor(chance() * (head - oldest + 1));
  const read = await Promise.all([filesAt(life, target), filesAt(life, head)]).catch(() => undefined);
  if (read === undefined) return;
  const [then, now] = read;
  const key = ({ path, deletionVector }: AddFile) =>
    `${path} ${deletionVector?.pathOrInlineDv} ${deletionVector?.offset}`;
  const [wanted, have] = [new Set(then.map(key)), new Set(now.map(key))];
  const adds = then.filter((file) => !have.has(key(file))).map((file) => ({ add: addFields(file) as Json }));
  const removes = now.filter((file) => !wanted.has(key(file))).map(removal);
  if (adds.length + removes.length === 0) return;
  const outcome = await commitTo(lake, tableId, head, [...removes, ...adds]).catch(vacuumed);
  const floor = (await lake.catalog.readUpkeep([tableId]))[0]?.vacuumFloor ?? -1;
  if (outcome === undefined) assert.ok(target < floor, `version ${target} is retained, and could not be restored`);
}

async function upkeep(life: Life, crashing = false): Promise<void> {
  const { lake, tableId, chance } = life;
  const point = crashPoint(Math.floor(chance() * 30), chance() < 0.5 ? "before" : "after");
  const parts = {
    catalog: dying(lake.catalog, point),
    store: (store: ReturnType<TestLake["store"]>) => dying(store, point),
  };
  const on = crashing ? lake.with(parts) : lake;
  const work = pick(chance, [
    () =>
      vacuumTable(on, { tableId }, { remove: true, retainMs: pick(chance, [1, 3, 7]) * DAY, orphans: chance() < 0.3 }),
    () => cleanLog(on, { tableId }, { remove: true }),
    () => trimHistory(on, { tableId }, { remove: true, retentionMs: 0, keepForVacuum: chance() < 0.5 }),
    () => relocateTable(on, { tableId }, pick(chance, life.places), { move: true }),
  ]);
  await work().catch((error: unknown) => {
    const isExpected =
      point.dead ||
      (isLakeError(error) && ["MIRROR_BEHIND", "VERSION_NOT_RETAINED", "TABLE_MOVED"].includes(error.code));
    if (!isExpected) throw error;
  });
}

async function step(life: Life): Promise<void> {
  const { chance, lake, tableId } = life;
  lake.clock.time += Math.floor(chance() * DAY * 1.5);
  const common = [append, append, remove, deleteRows];
  const writes = [...common, restore];
  const x = chance();
  if (x < 0.5) await pick(chance, writes)(life);
  else if (x < 0.6) await lake.store((await tableOf(life)).location).put(`stray${life.files++}`, BODY);
  else if (x < 0.7) await upkeep(life);
  else if (x < 0.8) await upkeep(life, true);
  else if (x < 0.9) await Promise.all([upkeep(life), pick(chance, [...common, restoreRetained])(life)]);
  else await Promise.all([upkeep(life), upkeep(life)]);
  await mirrorTable(lake, tableId);
}

/** Every version that is retained has all of its files. */
async function check(life: Life): Promise<void> {
  const { lake, tableId } = life;
  const store = lake.store((await tableOf(life)).location);
  const { version: head = 0, baseVersion = 0 } = (await lake.catalog.findTable({ tableId })) ?? {};
  const [record] = await lake.catalog.readUpkeep([tableId]);
  const floor = record?.vacuumFloor ?? 0;
  const expired = await lake.catalog.versionAt(tableId, lake.clock.now() - DAY);
  assert.ok(floor <= (expired?.version ?? 0), "what is younger than the shortest retention is retained");
  for (let version = Math.max(baseVersion, floor); version <= head; version += 1) {
    for (const { path, deletionVector } of await filesAt(life, version)) {
      for (const key of [path, deletionVector && deletionVectorPath(deletionVector)]) {
        if (key === undefined) continue;
        assert.ok(await store.head(key), `${key} of version ${version} is gone (head ${head}, floor ${floor})`);
      }
    }
  }
  await assertHistory(lake, tableId);
}

/** At its end all that nobody needs is gone. */
export async function upkeepLife(seed: number, steps: number): Promise<void> {
  const lake = await openTestLake();
  try {
    const retention = "interval 4 days";
    const configuration = {
      ...{ "delta.enableDeletionVectors": "true", "delta.checkpointInterval": "5" },
      ...{ "delta.logRetentionDuration": retention, "delta.deletedFileRetentionDuration": retention },
    };
    const tableId = await newTable(lake, `p.life${seed}`, { configuration });
    const chance = seeded(seed);
    const places = ["lake", "moved"].map((root) => `file:///${root}/p.life${seed}`);
    const life: Life = { lake, tableId, places, chance, files: 0, bin: undefined };
    for (let i = 0; i < steps; i += 1) {
      await step(life);
      await check(life);
    }
    // A clean-up that was killed leaves versions below its checkpoint of which the beginning is gone; the next one takes them, too.
    await cleanLog(lake, { tableId }, { remove: true });
    await assertTheorem(lake, tableId);
    lake.clock.time += 30 * DAY;
    const last = await vacuumTable(lake, { tableId }, { remove: true, orphans: true });
    assert.equal(last.failed, 0);
    await check(life);
    const left: string[] = [];
    for await (const { key } of lake.store((await tableOf(life)).location).list(""))
      if (!key.startsWith("_delta_log/")) left.push(key);
    const needed = (await filesAt(life, await headOf(life))).flatMap(({ path, deletionVector }) =>
      deletionVector === undefined ? [path] : [path, deletionVectorPath(deletionVector) ?? ""],
    );
    assert.deepEqual(left, [...new Set(needed)].sort(), "what nobody needs is gone in the end");
  } finally {
    await lake.close();
  }
}
