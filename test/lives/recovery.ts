/**
 * Commits, mirrors, backups, retention, losses and recoveries by chance: nothing that was acknowledged and mirrored is ever lost, nothing is
 * doubled, and nobody is told a falsehood.
 */

import assert from "node:assert/strict";
import { originOf } from "../../lib/delta/origin.ts";
import type { CommitRequest } from "../../lib/delta/request.ts";
import { commit } from "../../lib/operations/commit.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { mirrorTable } from "../../lib/operations/mirror.ts";
import { isRecovered, recoverAll } from "../../lib/operations/recover.ts";
import type { Lake } from "../../lib/ports.ts";
import type { TestDatabase } from "../support/catalog-engines.ts";
import { addOf, newTable, removeOf, request, type TestLake } from "../support/lake.ts";
import { type LossyLake, openLossyLake } from "../support/old-database.ts";
import { type Chance, seeded } from "../support/random.ts";
import { lasting } from "../support/replays.ts";
import { assertHistory, assertTheorem } from "../support/theorem.ts";

const TABLES = 3;

interface Answer {
  readonly transactionId: string;
  readonly committedAt: number;
  readonly tables: readonly {
    readonly tableId: string;
    readonly version: number;
    readonly inCommitTimestamp: number;
  }[];
  readonly lost?: readonly string[];
}

/** What the database knows, as clients know it. */
interface Known {
  /** By transaction: what it was, and is still, answered. */
  readonly answers: Map<string, { readonly request: CommitRequest; readonly answer: Answer }>;
}

interface Backup extends Known {
  readonly copy: TestDatabase;
}

class World {
  readonly chance: Chance;
  readonly disk: LossyLake;
  readonly ids: readonly string[];
  lake: TestLake;
  answers: Known["answers"] = new Map();
  backups: Backup[] = [];
  losses = 0;
  private files = 0;

  constructor(chance: Chance, disk: LossyLake, ids: readonly string[]) {
    this.chance = chance;
    this.disk = disk;
    this.lake = disk;
    this.ids = ids;
  }

  below(n: number): number {
    return Math.floor(this.chance() * n);
  }

  /** To one table or more, with removes of what is there. */
  async commit(): Promise<void> {
    const chosen = this.ids.filter(() => this.chance() < 0.45);
    const tables = chosen.length > 0 ? chosen : [this.ids[this.below(TABLES)] ?? ""];
    const parts = [];
    for (const tableId of tables) {
      const head = await this.lake.catalog.findTable({ tableId });
      const readVersion = head?.version ?? 0;
      const { items } = await this.lake.catalog.readFiles(tableId, readVersion, { limit: 1 });
      const removes = this.chance() < 0.3 ? items.map(({ path }) => removeOf(path)) : [];
      this.files += 1;
      parts.push({ tableId, readVersion, actions: [addOf(`f${this.files}`), ...removes] });
    }
    const wanted = request(...parts);
    const answer = lasting(await commit(this.lake, wanted)) as Answer;
    this.answers.set(wanted.transactionId, { request: wanted, answer });
  }

  async mirror(): Promise<void> {
    const tableId = this.ids[this.below(TABLES)] ?? "";
    assert.equal((await mirrorTable(this.lake, tableId)).error, undefined);
  }

  async backup(): Promise<void> {
    const copy =
      this.lake === this.disk ? await this.disk.backup() : await this.disk.copyOf(this.current as TestDatabase);
    this.backups.push({ copy, answers: new Map(this.answers) });
  }

  /** As retention does: all below a checkpoint. */
  async clean(): Promise<void> {
    const log = this.lake.openLog(this.locationOf(this.below(TABLES)));
    const listing = await log.listFrom(0);
    const newest = listing.checkpoints.at(-1)?.version ?? -1;
    for (const { name, version } of listing.commits) if (version < newest) await log.removeFile(name);
  }

  locationOf(i: number): string {
    return `file:///lake/p.t${i}`;
  }

  current: TestDatabase | undefined;

  /** The database is gone, and an older one takes its place. What was backed up later is of a time that never was. */
  async lose(): Promise<void> {
    const chosen = this.below(this.backups.length);
    const backup = this.backups[chosen];
    if (backup === undefined) return;
    for (const later of this.backups.splice(chosen + 1)) await later.copy.drop();
    const former = this.lake;
    this.current = await this.disk.copyOf(backup.copy);
    this.lake = await this.disk.onCopy(this.current);
    if (former !== this.disk) await former.close();
    this.losses += 1;
    await recoverAll(this.lake);
    for (const id of this.answers.keys()) {
      if (backup.answers.has(id)) continue;
      const parts = await this.lake.catalog.findTransactionParts(id);
      assert.deepEqual(parts?.pending ?? [], [], "undecided, a transaction is in all of its tables or in none");
    }
    const options = { acceptIncomplete: true };
    const result = await recoverAll(this.lake, options);
    assert.ok(isRecovered(result, options), JSON.stringify(result));
    const before = this.answers;
    this.answers = new Map(backup.answers);
    for (const [id, known] of before) {
      if (backup.answers.has(id)) continue;
      const answer = await this.whatIsLeft(known.answer);
      if (answer) this.answers.set(id, { ...known, answer });
      else assert.equal(await this.lake.catalog.findTransaction(id), undefined, "nothing of it is left anywhere");
    }
    await this.check();
  }

  /** The parts of an answer that a log still has. */
  async whatIsLeft(answer: Answer): Promise<Answer | undefined> {
    const left: Answer["tables"][number][] = [];
    for (const part of answer.tables) {
      const i = this.ids.indexOf(part.tableId);
      const head = await this.lake.catalog.findTable(part);
      if (part.version < (head?.baseVersion ?? 0)) continue;
      const commits = await this.lake.openLog(this.locationOf(i)).listFrom(part.version);
      if (commits.commits[0]?.version !== part.version) continue;
      const { actions } = await this.lake.openLog(this.locationOf(i)).readCommit(part.version);
      if (originOf(actions.commitInfo)?.transactionId === answer.transactionId) left.push(part);
    }
    if (left.length === 0) return undefined;
    const all = [...answer.tables.map(({ tableId }) => tableId), ...(answer.lost ?? [])];
    const lost = all.filter((tableId) => !left.some((part) => part.tableId === tableId));
    const { lost: _, ...rest } = answer;
    return { ...rest, tables: left, ...(lost.length > 0 ? { lost } : {}) };
  }

  async check(): Promise<void> {
    const heads = async () =>
      Promise.all(this.ids.map(async (tableId) => (await this.lake.catalog.findTable({ tableId }))?.version));
    const before = await heads();
    for (const { request: wanted, answer } of this.answers.values()) {
      const again = await commit(this.lake, wanted);
      assert.ok(again.status === "committed" && again.replayed, "nothing is committed twice");
      const { lost = [], ...rest } = lasting(again) as Answer;
      const { lost: expected = [], ...first } = answer;
      assert.deepEqual([rest, [...lost].sort()], [first, [...expected].sort()]);
    }
    assert.deepEqual(await heads(), before);
    for (const tableId of this.ids) {
      await assertHistory(this.lake, tableId);
      await assertTheorem(this.lake, tableId);
      const report = await diffTable(this.lake, { ref: { tableId }, lagThresholdSeconds: 1e6, maxDriftFiles: 5 });
      assert.deepEqual([report.drift.files, report.drift.other], [[], []]);
      await this.assertNothingTwice(tableId);
    }
  }

  async assertNothingTwice(tableId: string): Promise<void> {
    const head = await this.lake.catalog.findTable({ tableId });
    const from = Math.max(head?.baseVersion ?? 0, (await this.lake.catalog.firstOwnVersion(tableId)) ?? 0);
    const commits = await this.lake.catalog.readCommits(tableId, from, head?.version ?? -1);
    const paths = commits.flatMap(({ actions }) => actions.adds.map(({ path }) => path));
    assert.equal(new Set(paths).size, paths.length);
  }

  async close(): Promise<void> {
    for (const { copy } of this.backups) await copy.drop();
    if (this.lake !== this.disk) await this.lake.close();
    await this.disk.close();
  }
}

export async function recoveryLife(seed: number, steps: number): Promise<number> {
  const chance = seeded(seed);
  const disk = await openLossyLake();
  const ids: string[] = [];
  for (let i = 0; i < TABLES; i += 1) {
    const configuration: Record<string, string> = { "delta.checkpointInterval": String(3 + i) };
    if (i === 1) configuration["delta.enableInCommitTimestamps"] = "false";
    ids.push(await newTable(disk, `p.t${i}`, { configuration }));
  }
  const world = new World(chance, disk, ids);
  try {
    for (const tableId of ids) await mirrorTable(disk as Lake, tableId);
    await world.backup();
    for (let step = 0; step < steps; step += 1) {
      const dice = chance();
      if (dice < 0.5) await world.commit();
      else if (dice < 0.78) await world.mirror();
      else if (dice < 0.86) await world.backup();
      else if (dice < 0.91) await world.clean();
      else await world.lose();
    }
    await world.lose();
    return world.losses;
  } finally {
    await world.close();
  }
}
