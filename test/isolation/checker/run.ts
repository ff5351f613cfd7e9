/** One run of the black-box checker: starts the servers, lets the clients loose for a time, stops, and judges what is left. */

import { openLocalLake } from "../../../lib/lake/local.ts";
import { diffTable } from "../../../lib/operations/diff.ts";
import { seeded } from "../../support/random.ts";
import { type Attempt, type History, recordAnomalies, type Version } from "../history.ts";
import { orderAnomalies } from "../order.ts";
import { refereeAnomalies } from "../referee.ts";
import { Bank } from "./bank.ts";
import { LakeClient, newRecord, pause, type Recorded } from "./lake-client.ts";
import { ListAppend } from "./list-append.ts";
import { LogWatch } from "./log-watch.ts";
import { type Servers, startServers } from "./servers.ts";
import { Streams } from "./streams.ts";

export interface CheckerOptions {
  /** Address of a PostgreSQL server on which a database may be made. */
  readonly postgres: string;
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
  /** Seconds between two killings of a server; 0 for never. */
  readonly killEvery: number;
  /** Says what is happening. */
  readonly say?: (text: string) => void;
}

export interface Summary {
  readonly seconds: number;
  readonly clients: number;
  readonly seed: number;
  readonly transactions: number;
  readonly committed: number;
  readonly conflicts: number;
  readonly timeouts: number;
  readonly resent: number;
  readonly replays: number;
  readonly killed: number;
  readonly snapshots: number;
  readonly edges: number;
  readonly mirroredVersions: number;
  readonly bankTotals: number;
  readonly anomalies: readonly string[];
}

export async function runChecker(options: CheckerOptions): Promise<Summary> {
  const servers = await startServers(options.postgres);
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
  const workloads = { list: new ListAppend(), bank: new Bank(record), streams: new Streams(record) };
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
      if (chance < 0.45) await workloads.list.transact(mine);
      else if (chance < 0.75) await workloads.bank.transact(mine);
      else await workloads.streams.transact(mine);
    }
  };
  const killing = killServers(servers, options, until);
  await Promise.all(Array.from({ length: options.clients }, () => work(client())));
  const killed = await killing;
  options.say?.(`${record.attempts.length} transactions are sent; looking at what is left`);
  const { history, batches } = await readHistory(first, tables);
  await workloads.streams.check(first, batches);
  const mirrored = await finishMirror(first, watch, history, record);
  const deadlocks = await servers.stop();
  if (deadlocks > 0) record.anomalies.push(`locks: PostgreSQL had to end ${deadlocks} deadlocks`);
  await comparePairs(servers, tables, record);
  const { edges } = judge(history, record, workloads.list);
  const { timeouts, resent, replays, snapshots } = record.counts;
  const outcomes = record.attempts.map(outcome);
  return {
    ...{ seconds: options.seconds, clients: options.clients, seed: options.seed },
    transactions: record.attempts.length,
    committed: outcomes.filter((o) => o === "committed").length,
    conflicts: outcomes.filter((o) => o === "refused").length,
    ...{ timeouts, resent, replays, killed, snapshots, edges },
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
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const configuration = { "delta.checkpointInterval": "100" };
  const body = JSON.stringify({ name, schema, configuration });
  const init = { method: "POST", headers: { "content-type": "application/json" }, body };
  const response = await fetch(`${urls[0]}/v1/tables`, init);
  if (response.status !== 201) throw new Error(`creating ${name}: ${response.status} ${await response.text()}`);
}

/** A server dies every so often, in the middle of everything, and comes back. */
async function killServers(servers: Servers, { killEvery, say }: CheckerOptions, until: number): Promise<number> {
  let killed = 0;
  if (killEvery === 0) return killed;
  for (let next = performance.now() + killEvery * 1000; next < until; next += killEvery * 1000) {
    while (performance.now() < next) await pause(100);
    await servers.kill(killed % 2);
    killed += 1;
    say?.(`server ${killed % 2} was killed and started again`);
  }
  return killed;
}

interface WireCommit {
  readonly version: number;
  readonly timestamp: number;
  readonly actions: readonly Record<string, Record<string, unknown>>[];
}

async function readHistory(client: LakeClient, tables: readonly string[]) {
  const history = new Map<string, Version[]>();
  const batches: { appId: string; version: number }[] = [];
  for (const table of tables) {
    const versions: Version[] = [];
    for (let after = -1; ; ) {
      const page = await client.read(`/v1/tables/${table}/commits?after=${after}&limit=500`);
      const commits = page.commits as WireCommit[];
      if (commits.length === 0) break;
      after = page.after as number;
      versions.push(...commits.map(versionOf));
      for (const { actions } of commits)
        for (const { txn } of actions) if (txn) batches.push(txn as { appId: string; version: number });
    }
    history.set(table, versions);
  }
  return { history, batches };
}

function versionOf({ version, timestamp, actions }: WireCommit): Version {
  const of = (kind: string) => actions.flatMap((action) => (action[kind] ? [action[kind]] : []));
  const files = (kind: string) =>
    of(kind).map(({ path, dataChange }) => ({ path: String(path), dv: "", dataChange: dataChange === true }));
  const [info] = of("commitInfo");
  return {
    version,
    timestamp,
    transactionId: String(info?.txnId),
    adds: files("add"),
    removes: files("remove"),
    appIds: of("txn").map(({ appId }) => String(appId)),
    changesMetadata: of("metaData").length > 0,
    isBlindAppend: info?.isBlindAppend === true,
  };
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
