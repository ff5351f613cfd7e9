/**
 * Whole lives of a catalog by chance: commits, mirrors, backups, vacuum, log clean-up, retention, drops, renames, moves and time going by, and the
 * loss of the database, which comes back from a backup and the logs, or from the logs alone.
 */

import assert from "node:assert/strict";
import { ZSTD } from "../../lib/backup/codec.ts";
import { openCatalog } from "../../lib/catalog/open.ts";
import { originOf } from "../../lib/delta/origin.ts";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { isLakeError } from "../../lib/errors.ts";
import { backupCatalog } from "../../lib/operations/backup.ts";
import { cleanLog } from "../../lib/operations/clean-log.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { dropTable } from "../../lib/operations/drop-table.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { rebuildCatalog } from "../../lib/operations/rebuild.ts";
import { isRecovered, recoverAll } from "../../lib/operations/recover.ts";
import { relocateTable } from "../../lib/operations/relocate-table.ts";
import { renameTable } from "../../lib/operations/rename-table.ts";
import { restoreCatalog } from "../../lib/operations/restore.ts";
import { trimHistory } from "../../lib/operations/trim-history.ts";
import { undropTable } from "../../lib/operations/undrop-table.ts";
import { vacuumTable } from "../../lib/operations/vacuum.ts";
import type { BackupPlace, Catalog } from "../../lib/ports.ts";
import { openMemoryStore } from "../../lib/storage/memory.ts";
import { SQLITE_ENGINE, type TestDatabase } from "../support/catalog-engines.ts";
import { addOf, newTable, openTestLake, removeOf, request, type TestLake } from "../support/lake.ts";
import { type Chance, seeded } from "../support/random.ts";
import { lasting } from "../support/replays.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BODY = new TextEncoder().encode("0123456789");
const TABLES = 3;

interface Part {
  readonly tableId: string;
  readonly version: number;
  readonly inCommitTimestamp: number;
}

interface Answer {
  readonly transactionId: string;
  readonly committedAt: number;
  readonly tables: readonly Part[];
  readonly lost?: readonly string[];
}

interface Sent {
  readonly request: CommitRequest;
  /** What it was told at first, … */
  readonly first: Answer;
  /** … and is told now: of what a loss has taken, and a rebuild may bring back. */
  readonly answer: Answer;
}

interface Backup {
  readonly id: string;
  readonly sent: ReadonlyMap<string, Sent>;
}

/** One life. The lake changes its catalog with every loss; its stores outlive them all. */
class Life {
  readonly chance: Chance;
  readonly disk: TestLake;
  lake: TestLake;
  readonly places = new Map<string, string>();
  /** All places that tables have had. */
  readonly homes = new Set<string>();
  readonly place: BackupPlace = { location: "file:///backups", store: openMemoryStore(), ...ZSTD };
  /** By id: what was acknowledged, and must be answered still. */
  sent = new Map<string, Sent>();
  backups: Backup[] = [];
  /** Of each table: from which version on every file is said to be there. */
  readonly readable = new Map<string, number>();
  readonly scratch: { catalog: Catalog; database: TestDatabase }[] = [];
  /** What has happened. */
  readonly tally = { losses: 0, rebuilds: 0, vacuumed: 0, cleaned: 0, trimmed: 0, moved: 0 };
  private count = 0;

  constructor(chance: Chance, disk: TestLake) {
    this.chance = chance;
    this.disk = disk;
    this.lake = disk;
  }

  next(): number {
    this.count += 1;
    return this.count;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.chance() * items.length)];
  }

  pass(ms: number): void {
    this.lake.clock.time += Math.floor(ms);
  }

  async create(): Promise<void> {
    const name = `d.t${this.next()}`;
    const tableId = await newTable(this.lake, name, {
      configuration: {
        "delta.checkpointInterval": String(2 + Math.floor(this.chance() * 5)),
        "delta.logRetentionDuration": "interval 3 days",
        "delta.deletedFileRetentionDuration": "interval 2 days",
      },
    });
    this.places.set(tableId, `file:///lake/${name}`);
    this.homes.add(`file:///lake/${name}`);
    await mirrorTable(this.lake, tableId);
  }

  async living(): Promise<readonly string[]> {
    const found = await Promise.all(
      [...this.places.keys()].map(async (tableId) => (await this.lake.catalog.findTable({ tableId }))?.tableId ?? []),
    );
    return found.flat();
  }

  async commit(): Promise<void> {
    const living = await this.living();
    const chosen = living.filter(() => this.chance() < 0.45);
    const parts = [];
    for (const tableId of chosen.length > 0 ? chosen : living.slice(0, 1)) {
      const readVersion = (await this.lake.catalog.findTable({ tableId }))?.version ?? 0;
      const { items } = await this.lake.catalog.readFiles(tableId, readVersion, { limit: 2 });
      const gone = this.chance() < 0.5 ? items.slice(0, 1) : [];
      const path = `f${this.next()}`;
      const { location = "" } = (await this.lake.catalog.findTable({ tableId })) ?? {};
      await this.lake.store(location).put(path, BODY);
      const deletionTimestamp = this.lake.clock.now();
      const removes = gone.map((file) => removeOf(file.path, { deletionTimestamp }));
      parts.push({ tableId, readVersion, actions: [addOf(path), ...removes] });
    }
    if (parts.length === 0) return;
    const wanted = request(...parts);
    const first = lasting(await commit(this.lake, wanted)) as Answer;
    this.sent.set(wanted.transactionId, { request: wanted, first, answer: first });
  }

  async one(work: (tableId: string) => Promise<unknown>): Promise<void> {
    const tableId = this.pick(await this.living());
    if (tableId !== undefined) await work(tableId);
  }

  async vacuum(tableId: string): Promise<void> {
    await mirrorTable(this.lake, tableId);
    const publishing = { ...this.lake, queue: { enqueue: async () => void (await mirrorTable(this.lake, tableId)) } };
    const { oldestReadable, files } = await vacuumTable(publishing, { tableId }, { remove: true });
    this.tally.vacuumed += files;
    this.readable.set(tableId, Math.max(this.readable.get(tableId) ?? 0, oldestReadable));
  }

  async clean(tableId: string): Promise<void> {
    await mirrorTable(this.lake, tableId);
    this.tally.cleaned += (await cleanLog(this.lake, { tableId }, { remove: true })).commits;
  }

  async trim(tableId: string): Promise<void> {
    await mirrorTable(this.lake, tableId);
    this.tally.trimmed += (await trimHistory(this.lake, { tableId }, { remove: true, retentionMs: 5 * DAY })).versions;
  }

  async dropAndBack(tableId: string): Promise<void> {
    await mirrorTable(this.lake, tableId);
    await dropTable(this.lake, { tableId });
    await assert.rejects(commit(this.lake, request({ tableId, readVersion: 0, actions: [addOf("never")] })));
    if (this.chance() < 0.8) await undropTable(this.lake, { tableId });
  }

  async move(tableId: string): Promise<void> {
    await mirrorTable(this.lake, tableId);
    const { location = "" } = (await this.lake.catalog.findTable({ tableId })) ?? {};
    const to = location.startsWith("file:///lake/")
      ? location.replace("/lake/", "/moved/")
      : location.replace("/moved/", "/lake/");
    const { baseVersion = 0 } = (await this.lake.catalog.findTable({ tableId })) ?? {};
    await relocateTable(this.lake, { tableId }, to, { move: true });
    // What is older is not taken along.
    this.readable.set(tableId, Math.max(this.readable.get(tableId) ?? 0, baseVersion));
    this.places.set(tableId, to);
    this.homes.add(to);
    this.tally.moved += 1;
  }

  async rename(tableId: string): Promise<void> {
    await renameTable(this.lake, { tableId }, `d.r${this.next()}`);
  }

  async backup({ full = this.chance() < 0.2 } = {}): Promise<void> {
    const { backupId } = await backupCatalog(this.lake, this.place, { full });
    this.backups.push({ id: backupId, sent: new Map(this.sent) });
  }

  /** The database is gone. What was backed up after the one that is taken is of a time that never was. */
  async lose(): Promise<void> {
    const at = Math.max(0, this.backups.length - 1 - Math.floor(this.chance() * 3));
    const backup = this.backups[at];
    if (backup === undefined) return;
    this.backups = this.backups.slice(0, at + 1);
    await this.inAnEmptyDatabase((empty) => restoreCatalog(empty.catalog, this.place, { backupId: backup.id }));
    this.tally.losses += 1;
    await this.recover();
    await this.remember(backup);
    await this.check();
  }

  /** The database is gone, and no backup is there: nor will any of those that were made before. */
  async loseAll(): Promise<void> {
    const { homes } = this;
    async function* findTables(): AsyncGenerator<string> {
      yield* homes;
    }
    await this.inAnEmptyDatabase((lake) => rebuildCatalog({ ...lake, findTables }, { roots: ["file:///"] }));
    this.tally.rebuilds += 1;
    this.backups = [];
    await this.recover();
    await this.remember({ id: "", sent: new Map() });
    await this.check();
  }

  async inAnEmptyDatabase(work: (lake: TestLake) => Promise<unknown>): Promise<void> {
    const database = await SQLITE_ENGINE.create();
    const empty = await openCatalog(database.url, this.lake.clock, { schema: "leave" });
    await work(this.disk.with({ catalog: empty }));
    await empty.close();
    const catalog = await openCatalog(database.url, this.lake.clock);
    this.scratch.push({ catalog, database });
    this.lake = this.disk.with({ catalog });
  }

  async recover(): Promise<void> {
    const options = { acceptIncomplete: true };
    await recoverAll(this.lake);
    const result = await recoverAll(this.lake, options);
    assert.ok(isRecovered(result, options), JSON.stringify(result));
  }

  /** What was acknowledged since the backup, as far as a log has it, and nothing else. */
  async remember(backup: Backup): Promise<void> {
    const before = this.sent;
    this.sent = new Map(backup.sent);
    for (const [id, sent] of before) {
      if (this.sent.has(id)) continue;
      const left: Part[] = [];
      for (const part of sent.first.tables) if (await this.isInLog(id, part)) left.push(part);
      if (left.length === 0) continue;
      const all = sent.first.tables.map(({ tableId }) => tableId);
      const lost = all.filter((tableId) => !left.some((part) => part.tableId === tableId));
      this.sent.set(id, { ...sent, answer: { ...sent.first, tables: left, ...(lost.length > 0 ? { lost } : {}) } });
    }
  }

  async isInLog(id: string, { tableId, version }: Part): Promise<boolean> {
    // Also of a table that was dropped: a rebuild brings it back as that.
    const head = await this.lake.catalog.findTable({ tableId }, { anyStatus: true });
    if (head === undefined || version < head.baseVersion || version > head.version) return false;
    const log = this.lake.openLog(head.location);
    const [file] = (await log.listFrom(version)).commits;
    if (file?.version !== version) return false;
    return originOf((await log.readCommit(version)).actions.commitInfo)?.transactionId === id;
  }

  async check(): Promise<void> {
    for (const { request: wanted, answer } of this.sent.values()) {
      const again = await commit(this.lake, wanted).catch((error: unknown) => error);
      assert.ok(!isLakeError(again), `${wanted.transactionId}: ${String(again)}`);
      const told = again as Awaited<ReturnType<typeof commit>>;
      assert.ok(told.status === "committed" && told.replayed, "nothing is committed twice, nor forgotten");
      const { lost = [], ...rest } = lasting(told) as Answer;
      const { lost: expected = [], ...first } = answer;
      assert.deepEqual([rest, [...lost].sort()], [first, [...expected].sort()]);
    }
    for (const tableId of await this.living()) {
      await mirrorTable(this.lake, tableId);
      await assertHistory(this.lake, tableId);
      await assertTheorem(this.lake, tableId);
      const report = await diffTable(this.lake, { ref: { tableId }, lagThresholdSeconds: 1e9, maxDriftFiles: 5 });
      assert.deepEqual([report.drift.files, report.drift.other], [[], []]);
      await this.assertFilesAreThere(tableId);
    }
  }

  /** Of every version that is kept, and that no vacuum has given up, every file. */
  async assertFilesAreThere(tableId: string): Promise<void> {
    const head = await this.lake.catalog.findTable({ tableId });
    assert.ok(head);
    const keys = new Set<string>();
    for await (const { key } of this.lake.store(head.location).list("")) keys.add(key);
    const given = this.readable.get(tableId) ?? 0;
    const [{ vacuumFloor: floor = 0 } = {}] = await this.lake.catalog.readUpkeep([tableId]);
    assert.ok(floor <= given, `versions from ${given} on are kept, and SQL tells those from ${floor} on`);
    // Of a move whose own version no log has, a database from before does not learn what was left behind.
    for (let v = Math.max(head.baseVersion, given); v <= head.version; v += 1) {
      const { items } = await this.lake.catalog.readFiles(tableId, v, { limit: 1000 });
      const missing = items.map(({ path }) => path).filter((path) => !keys.has(path));
      assert.deepEqual(missing, [], `files of version ${v}, of which ${given} on are kept`);
    }
  }

  async close(): Promise<void> {
    for (const { catalog, database } of this.scratch) {
      await catalog.close();
      await database.drop();
    }
    await this.disk.close();
  }
}

/** How often each happens, of a hundred. */
const DEEDS: readonly (readonly [number, (life: Life) => Promise<unknown>])[] = [
  [30, (life) => life.commit()],
  [16, (life) => life.one((tableId) => mirrorTable(life.lake, tableId))],
  [9, (life) => life.backup()],
  [7, (life) => life.one((tableId) => life.vacuum(tableId))],
  [5, (life) => life.one((tableId) => life.clean(tableId))],
  [3, (life) => life.one((tableId) => life.trim(tableId))],
  [4, (life) => life.one((tableId) => life.dropAndBack(tableId))],
  [3, (life) => life.one((tableId) => life.rename(tableId))],
  [3, (life) => life.one((tableId) => life.move(tableId))],
  [2, (life) => life.create()],
  [12, async (life) => life.pass(life.chance() * 3 * DAY)],
  [4, (life) => life.lose()],
  [2, (life) => life.loseAll()],
];

export async function disasterLife(seed: number, steps: number): Promise<Life["tally"]> {
  const life = new Life(seeded(seed), await openTestLake(SQLITE_ENGINE));
  try {
    for (let i = 0; i < TABLES; i += 1) await life.create();
    await life.backup();
    for (let step = 0; step < steps; step += 1) {
      let dice = life.chance() * 100;
      const deed = DEEDS.find(([share]) => {
        dice -= share;
        return dice < 0;
      });
      await deed?.[1](life);
      life.pass(1);
    }
    await life.check();
    // A life whose last loss was of everything has no backup left.
    if (life.backups.length === 0) await life.backup();
    await life.lose();
    return life.tally;
  } finally {
    await life.close();
  }
}
