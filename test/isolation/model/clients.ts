/** The clients of a run: they read a snapshot, make up a transaction on it, and send it until they have an answer. */

import {
  type AddFile,
  type CommitActions,
  type Metadata,
  NO_ACTIONS,
  type RemoveFile,
} from "../../../lib/delta/actions.ts";
import type { CommitRequest, ReadSet } from "../../../lib/delta/request.ts";
import { pages } from "../../../lib/operations/checkpoint.ts";
import { commit } from "../../../lib/operations/commit.ts";
import { snapshots } from "../../../lib/operations/read.ts";
import { Crash } from "../../support/crash.ts";
import type { TestLake } from "../../support/lake.ts";
import type { Attempt, Part } from "../history.ts";
import type { Observation } from "../order.ts";
import type { PlannedPart, PlannedTransaction, Scenario } from "./scenario.ts";
import type { Steps } from "./steps.ts";
import { dyingAtCommit, errorName, fileRef } from "./world.ts";

export interface Seen {
  readonly attempts: { readonly attempt: Attempt; readonly request: CommitRequest }[];
  readonly heads: Observation[];
  /** Snapshots of a timestamp or a transaction: each cuts no transaction in two, but their order is not that of commits. */
  readonly times: Observation[];
  /** What a reader saw of a table at a version: `path dv`, sorted. */
  readonly views: { readonly table: string; readonly version: number; readonly files: readonly string[] }[];
  readonly anomalies: string[];
}

export function newSeen(): Seen {
  return { attempts: [], heads: [], times: [], views: [], anomalies: [] };
}

export interface Run {
  readonly tables: readonly string[];
  readonly servers: readonly [TestLake, TestLake];
  /** Several calls at once, within a client. */
  readonly fork: Steps["fork"];
  readonly seen: Seen;
}

/** One transaction after the other. */
export function client(run: Run, planned: readonly PlannedTransaction[], name: string): () => Promise<void> {
  return async () => {
    for (const [i, transaction] of planned.entries()) {
      const lake = run.servers[transaction.server];
      lake.clock.time += transaction.clock;
      const parts = transaction.parts.filter((part) => run.tables[part.table] !== undefined);
      if (parts.length === 0) continue;
      const { request, attempt } = await makeRequest(run, lake, parts, `${name}-${i}`);
      run.seen.attempts.push({ request, attempt });
      await send(run, request, attempt, transaction);
    }
  };
}

/** Gives every table a few files to begin with, in one transaction. */
export async function fillTables(run: Run): Promise<void> {
  const parts = run.tables.map(
    (_, table): PlannedPart => ({ table, deed: "append", reads: "unsaid", picks: [0, 1, 2, 3] }),
  );
  await client(run, [{ server: 0, fate: "plain", clock: 1, parts }], "first")();
}

async function send(run: Run, request: CommitRequest, attempt: Attempt, plan: PlannedTransaction): Promise<void> {
  const mine = run.servers[plan.server];
  const other = run.servers[plan.server === 0 ? 1 : 0];
  if (plan.fate === "plain") await ask(run, mine, request, attempt);
  if (plan.fate === "twins") await run.fork([mine, other].map((lake) => () => ask(run, lake, request, attempt)));
  if (plan.fate === "dies before" || plan.fate === "dies after") {
    await ask(run, dyingAtCommit(mine, plan.fate === "dies before" ? "before" : "after"), request, attempt);
    await ask(run, other, request, attempt);
  }
}

/** Sends it once and writes the answer down; a crash leaves none. */
export async function ask(run: Run, lake: TestLake, request: CommitRequest, attempt: Attempt): Promise<void> {
  try {
    const result = await commit(lake, request);
    if (result.status === "conflict") {
      attempt.refusals.push(result.conflicts.map(({ tableId, version, code }) => ({ table: tableId, version, code })));
      return;
    }
    const tables = result.tables.map((t) => ({ table: t.tableId, version: t.version, timestamp: t.inCommitTimestamp }));
    attempt.answers.push({ committedAt: result.committedAt, tables });
  } catch (error) {
    if (!(error instanceof Crash)) run.seen.anomalies.push(`error: ${request.transactionId} ${errorName(error)}`);
  }
}

async function makeRequest(run: Run, lake: TestLake, planned: readonly PlannedPart[], name: string) {
  const refs = planned.map((part) => ({ tableId: run.tables[part.table] ?? "" }));
  const snapshot = await snapshots(lake, { tables: refs });
  run.seen.heads.push({
    name: `read of ${name}`,
    versions: new Map(snapshot.tables.map((table) => [table.tableId, table.version])),
  });
  const transactionId = lake.clock.newId();
  const parts: Part[] = [];
  const tables: CommitRequest["tables"][number][] = [];
  for (const [i, part] of planned.entries()) {
    const { tableId = "", version = 0 } = snapshot.tables[i] ?? {};
    const { metadata } = await lake.catalog.readHeader(tableId, version);
    const files: AddFile[] = [];
    for await (const page of pages((at) => lake.catalog.readFiles(tableId, version, { ...at, limit: 1000 }))) {
      files.push(...page);
    }
    const view = files.map(fileRef);
    run.seen.views.push({ table: tableId, version, files: view.map((f) => `${f.path} ${f.dv}`).sort() });
    const { actions, picked } = makeActions(part, files, metadata, `${name}-${i}`);
    const reads = readSet(part, picked, actions);
    const ofTable = metadata.configuration["delta.isolationLevel"] as Part["level"];
    const asked = part.level === "WriteSerializable" && ofTable === "Serializable" ? undefined : part.level;
    tables.push({
      table: { tableId },
      readVersion: version,
      actions,
      at: `/tables/${i}`,
      ...(reads ? { reads } : {}),
      ...(asked ? { isolationLevel: asked } : {}),
    });
    parts.push({
      table: tableId,
      readVersion: version,
      level: asked ?? ofTable,
      ...(reads ? { reads } : {}),
      adds: actions.adds.map(fileRef),
      removes: actions.removes.map(fileRef),
      appIds: actions.txns.map((txn) => txn.appId),
      domains: actions.domains.map(({ domain }) => domain),
      changesMetadata: actions.metadata !== undefined,
    });
  }
  const attempt: Attempt = { transactionId, parts, answers: [], refusals: [] };
  return { request: { transactionId, tables }, attempt };
}

const STATS = '{"numRecords":10,"tightBounds":false}';

function makeActions(part: PlannedPart, files: readonly AddFile[], metadata: Metadata, name: string) {
  const picked = [...new Set(part.picks.flatMap((pick) => files[pick % Math.max(1, files.length)] ?? []))];
  const [first] = picked;
  const fresh = (path: string, more: Partial<AddFile> = {}): AddFile => {
    return { path, partitionValues: {}, size: 10, modificationTime: 1, dataChange: true, stats: STATS, ...more };
  };
  const gone = (file: AddFile, dataChange = true): RemoveFile => {
    const { path, deletionVector } = file;
    return { path, deletionTimestamp: 1, dataChange, ...(deletionVector ? { deletionVector } : {}) };
  };
  // A path that others add, too; with the deletion vector that it has, if it is there.
  const shared = `shared-${(part.picks[0] ?? 0) % 3}`;
  const live = files.find((file) => file.path === shared);
  const dv = {
    storageType: "u",
    pathOrInlineDv: name.padStart(20, "0").slice(-20),
    offset: 1,
    sizeInBytes: 4,
    cardinality: 1,
  };
  const made: Record<PlannedPart["deed"], () => Partial<CommitActions>> = {
    append: () => ({ adds: part.picks.map((_, i) => fresh(`${name}-${i}`)) }),
    collide: () => ({ adds: [live ?? fresh(shared)] }),
    remove: () => ({ removes: picked.map((file) => gone(file)) }),
    rewrite: () => ({ removes: picked.map((file) => gone(file)), adds: [fresh(`${name}-0`)] }),
    mark: () => (first ? { removes: [gone(first)], adds: [{ ...first, deletionVector: dv, stats: STATS }] } : {}),
    readd: () => ({ adds: picked.map((file) => ({ ...file, dataChange: (part.picks[0] ?? 0) % 2 === 0 })) }),
    optimize: () => ({
      removes: picked.map((file) => gone(file, false)),
      adds: picked.length > 0 ? [fresh(`${name}-0`, { dataChange: false })] : [],
    }),
    metadata: () => ({
      metadata: {
        ...metadata,
        configuration: { ...metadata.configuration, "delta.isolationLevel": flipped(metadata, part) },
      },
    }),
    nothing: () => ({}),
  };
  const txns = part.app === undefined ? [] : [{ appId: `app${part.app}`, version: 1 }];
  const domains =
    part.domain === undefined ? [] : [{ domain: `domain${part.domain}`, configuration: name, removed: false }];
  const actions: CommitActions = { ...NO_ACTIONS, ...made[part.deed](), txns, domains };
  return { actions, picked: picked.map((file) => file.path) };
}

function flipped(metadata: Metadata, part: PlannedPart): string {
  const now = metadata.configuration["delta.isolationLevel"];
  if ((part.picks[0] ?? 0) % 2 === 0) return now ?? "Serializable";
  return now === "Serializable" ? "WriteSerializable" : "Serializable";
}

function readSet(part: PlannedPart, picked: readonly string[], actions: CommitActions): ReadSet | undefined {
  const appIds = actions.txns.map((txn) => txn.appId);
  if (part.reads === "unsaid") return undefined;
  if (part.reads === "whole") return { wholeTable: true };
  return part.reads === "files" ? { files: picked, appIds } : {};
}

/** Names of looks must differ, whoever takes them. */
let looksTaken = 0;

/** Looks at several tables at once, again and again. */
export function observer(run: Run, looks: Scenario["looks"], server: 0 | 1): () => Promise<void> {
  return async () => {
    const lake = run.servers[server];
    const tables = run.tables.map((tableId) => ({ tableId }));
    for (const [i, look] of looks.entries()) {
      const [known] = run.seen.attempts.filter(({ attempt }) => attempt.answers.length > 0).slice(-1);
      const { transactionId } = known?.attempt ?? {};
      // At least the creation of all tables lies before; a little ahead of the clock others are still writing.
      const timestamp = Math.max(...(await heads(lake, run.tables)), lake.clock.now()) + (i % 2 === 0 ? 0 : 30);
      const at = look === "time" ? { timestamp } : look === "transaction" && transactionId ? { transactionId } : {};
      const { tables: found } = await snapshots(lake, { tables, ...at });
      const versions = new Map(found.map((table) => [table.tableId, table.version]));
      looksTaken += 1;
      const name = `look ${looksTaken} (server ${server})`;
      run.seen[Object.keys(at).length === 0 ? "heads" : "times"].push({ name, versions });
      for (const { table, version } of known?.attempt.answers[0]?.tables ?? []) {
        const got = versions.get(table) ?? 0;
        if (look === "transaction" ? got !== version : got < version) {
          run.seen.anomalies.push(`stale: ${name} (${look}) shows ${table}@${got} and not ${version}`);
        }
      }
    }
  };
}

async function heads(lake: TestLake, tables: readonly string[]): Promise<number[]> {
  const states = await lake.catalog.readStates(tables.map((tableId) => ({ tableId })));
  return states.map((state) => state.timestamp);
}
