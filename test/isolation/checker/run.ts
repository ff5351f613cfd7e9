/** One run of the black-box checker: starts the servers, lets the clients loose for a time, stops, and judges what is left. */

import { openLocalLake } from "../../../lib/lake/local.ts";
import { diffTable } from "../../../lib/operations/diff.ts";
import { seeded } from "../../support/random.ts";
import { type Attempt, type History, recordAnomalies, type Version } from "../history.ts";
import { orderAnomalies } from "../order.ts";
import { refereeAnomalies } from "../referee.ts";
import { Bank } from "./bank.ts";
import type { DatabaseChoice } from "./databases.ts";
import { LakeClient, newRecord, pause, type Recorded } from "./lake-client.ts";
import { ListAppend } from "./list-append.ts";
import { LogWatch } from "./log-watch.ts";
import { RULE_TABLES, Rules } from "./rules.ts";
import { type Servers, startServers } from "./servers.ts";
import { Streams } from "./streams.ts";
import { readCommits, versionOf } from "./versions.ts";

export interface CheckerOptions {
  readonly database: DatabaseChoice;
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
  /** Seconds between two faults: a server is killed or paused, or the database crashes. 0 for never. */
  readonly faultEvery: number;
  /** Says what is happening. */
  readonly say?: (text: string) => void;
}

export interface Summary {
  readonly engine: DatabaseChoice["engine"];
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
  readonly transactions: number;
  readonly committed: number;
  readonly conflicts: number;
  readonly timeouts: number;
  readonly resent: number;
  readonly replays: number;
  /** Servers that were killed, and started again. */
  readonly kills: number;
  /** Servers that stood still for some seconds. */
  readonly pauses: number;
  /** Crashes of the database. */
  readonly crashes: number;
  /** Connections cut after the request, or within the answer. */
  readonly cuts: number;
  readonly snapshots: number;
  readonly edges: number;
  readonly mirroredVersions: number;
  readonly bankTotals: number;
  readonly anomalies: readonly string[];
}

export async function runChecker(options: CheckerOptions): Promise<Summary> {
  const servers = await startServers(options.database, seeded(options.seed + 1));
  try {
    return await checkServers(servers, options);
  } finally {
    await servers.drop();
  }
}

async function checkServers(servers: Servers, options: CheckerOptions): Promise<Summary> {
  const record = newRecord();
  const random = seeded(options.seed);
  const client = () => new LakeClient(servers.urls, servers.storage, record, seeded(Math.floor(random() * 2 ** 32)));
  const workloads = {
    list: new ListAppend(),
    bank: new Bank(record),
    streams: new Streams(record),
    rules: new Rules(record),
  };
  const tables = Object.values(workloads).flatMap((workload) => workload.tables);
  const first = client();
  for (const table of tables) await createTable(servers, table);
  await workloads.list.prepare(first);
  await workloads.bank.prepare(first);
  const watch = new LogWatch(servers.storage, tables, workloads.bank.tables, record.anomalies);
  watch.start();
  const until = performance.now() + options.seconds * 1000;
  const work = async (mine: LakeClient): Promise<void> => {
    while (performance.now() < until) {
      const chance = mine.random();
      if (chance < 0.3) await workloads.list.transact(mine);
      else if (chance < 0.5) await workloads.bank.transact(mine);
      else if (chance < 0.8) await workloads.rules.transact(mine);
      else await workloads.streams.transact(mine);
    }
  };
  const faults = makeFaults(servers, options, until);
  await Promise.all(Array.from({ length: options.clients }, () => work(client())));
  const { kills, pauses, crashes } = await faults;
  options.say?.(`${record.attempts.length} transactions are sent; looking at what is left`);
  const { history, batches } = await readHistory(first, tables, workloads.rules);
  await workloads.streams.check(first, batches);
  const mirrored = await finishMirror(first, watch, history, record);
  const deadlocks = await servers.stop();
  if (deadlocks > 0) record.anomalies.push(`locks: PostgreSQL had to end ${deadlocks} deadlocks`);
  await comparePairs(servers, tables, record);
  const { edges } = judge(history, record, workloads.list);
  const { timeouts, resent, replays, snapshots } = record.counts;
  const outcomes = record.attempts.map(outcome);
  return {
    engine: options.database.engine,
    ...{ seconds: options.seconds, clients: options.clients, seed: options.seed },
    transactions: record.attempts.length,
    committed: outcomes.filter((o) => o === "committed").length,
    conflicts: outcomes.filter((o) => o === "refused").length,
    ...{ timeouts, resent, replays, kills, pauses, crashes, cuts: servers.cuts(), snapshots, edges },
    mirroredVersions: mirrored,
    bankTotals: workloads.bank.totals + watch.checkedTimes,
    anomalies: record.anomalies,
  };
}

function outcome({ answers, refusals }: Attempt): "committed" | "refused" | "unknown" {
  if (answers.length > 0) return "committed";
  return refusals.length > 0 ? "refused" : "unknown";
}

function judge(history: History, record: Recorded, lists: ListAppend): { readonly edges: number } {
  const { attempts, observations, cuts, anomalies } = record;
  anomalies.push(...recordAnomalies(history, attempts));
  anomalies.push(...refereeAnomalies(history, attempts));
  anomalies.push(...orderAnomalies(history, observations));
  for (const cut of cuts)
    anomalies.push(...cutAnomalies(history, cut.versions).map((what) => `${what} in ${cut.name}`));
  const { anomalies: inLists, edges } = lists.check();
  anomalies.push(...inLists);
  return { edges };
}

/** A transaction that one table shows and another does not. */
function cutAnomalies(history: History, versions: ReadonlyMap<string, number>): string[] {
  const found: string[] = [];
  for (const [table, version] of versions) {
    const own = history.get(table)?.[version];
    for (const [other, shown] of versions) {
      const there = history.get(other)?.findLast((v) => v.transactionId === own?.transactionId);
      if (own && version > 0 && there && there.version > shown) found.push(`torn: ${own.transactionId} is cut in two`);
    }
  }
  return found;
}

async function createTable({ urls }: Servers, name: string): Promise<void> {
  const schema = {
    type: "struct",
    fields: ["id", "day"].map((column) => ({
      name: column,
      type: column === "id" ? "long" : "string",
      nullable: true,
      metadata: {},
    })),
  };
  const { configuration = {}, ...more } = (RULE_TABLES[name] ?? {}) as { configuration?: object };
  const transactionId = crypto.randomUUID();
  const settings = { "delta.checkpointInterval": "100", ...configuration };
  const body = JSON.stringify({ transactionId, name, schema, configuration: settings, ...more });
  const init = { method: "POST", headers: { "content-type": "application/json" }, body };
  for (let tries = 0; ; tries += 1) {
    // The proxy may cut this connection, too.
    const response = await fetch(`${urls[0]}/v1/tables`, init).catch(() => undefined);
    const text = await response?.text().catch(() => undefined);
    if (text !== undefined && (response?.status === 201 || response?.status === 200)) return;
    if (tries === 20) throw new Error(`creating ${name}: ${response?.status} ${text}`);
  }
}

interface Faults {
  kills: number;
  pauses: number;
  crashes: number;
}

const LONGEST_PAUSE_MS = 4000;

/** Every so often something dies or stands still, in the midst of everything, and comes back. */
async function makeFaults(servers: Servers, options: CheckerOptions, until: number): Promise<Faults> {
  const { faultEvery, say } = options;
  const random = seeded(options.seed + 2);
  const made: Faults = { kills: 0, pauses: 0, crashes: 0 };
  if (faultEvery === 0) return made;
  const { crashDatabase } = servers;
  const kinds = crashDatabase ? (["crashes", "pauses", "kills"] as const) : (["pauses", "kills"] as const);
  for (let i = 0, next = performance.now() + faultEvery * 1000; next < until; i += 1) {
    while (performance.now() < next) await pause(50);
    const kind = kinds[i % kinds.length] ?? "kills";
    const server = Math.floor(random() * servers.urls.length);
    if (kind === "kills") await servers.kill(server);
    if (kind === "pauses") await servers.pause(server, 500 + random() * LONGEST_PAUSE_MS);
    if (kind === "crashes") await crashDatabase?.();
    made[kind] += 1;
    say?.(`${kind}: ${kind === "crashes" ? "the database" : `server ${server}`} is back`);
    next = performance.now() + faultEvery * 1000;
  }
  return made;
}

async function readHistory(client: LakeClient, tables: readonly string[], rules: Rules) {
  const history = new Map<string, Version[]>();
  const batches: { appId: string; version: number }[] = [];
  for (const table of tables) {
    const wired = await readCommits(client, table);
    for (const { actions } of wired)
      for (const { txn } of actions) if (txn) batches.push(txn as { appId: string; version: number });
    history.set(table, wired.map(versionOf));
    rules.check(table, wired);
  }
  return { history, batches };
}

/** Waits until both representations are equally long. Answers the number of versions in the logs. */
async function finishMirror(client: LakeClient, watch: LogWatch, history: History, record: Recorded): Promise<number> {
  const behind = async () => {
    const { tables } = (await client.read("/v1/tables?limit=1000")) as { tables: { name: string; version: number }[] };
    const open = await Promise.all(
      tables.map(
        async ({ name, version }) => ((await client.read(`/v1/tables/${name}`)).mirroredVersion as number) < version,
      ),
    );
    return open.some(Boolean);
  };
  for (let waited = 0; (await behind()) && waited < 60_000; waited += 200) await pause(200);
  const logs = await watch.finish();
  for (const [table, versions] of history) {
    const last = versions.length - 1;
    if (logs.get(table) !== last) record.anomalies.push(`log: ${table} ends at ${logs.get(table)}, SQL at ${last}`);
  }
  return [...logs.values()].reduce((sum, last) => sum + last + 1, 0);
}

/** The product's own proof, once more: SQL and log agree in every version. */
async function comparePairs({ database }: Servers, tables: readonly string[], record: Recorded): Promise<void> {
  const lake = await openLocalLake({ database, mirror: false });
  for (const name of tables) {
    const report = await diffTable(lake, { ref: { name }, lagThresholdSeconds: 0, maxDriftFiles: 0 });
    if (report.outcome !== "ok") record.anomalies.push(`parity: ${name}: ${JSON.stringify(report)}`);
  }
  await lake.close();
}

export function summaryLine(summary: Summary): string {
  const { anomalies, ...numbers } = summary;
  const facts = Object.entries(numbers).map(([name, value]) => `${name}=${value}`);
  return `isolation: ${facts.join(" ")} anomalies=${anomalies.length}`;
}
