/**
 * Whether a slow table holds up others: commits to a thousand tables, mirrored by the function of the deployment as SQS FIFO and Lambda call it,
 * without and with a table whose storage takes seconds for each file. `node bench/slow-table.ts [--tables 1000] [--commits 3000]
 * [--slow-ms 3000] [--concurrency 50]`.
 */

import type { SQSBatchResponse } from "aws-lambda";
import { sql } from "../lib/catalog/database.ts";
import { contextOf, event, openStage, printed, type Stage, sqsEvent } from "../test/functions/stage.ts";
import { withDatabase } from "../test/support/catalog-rows.ts";
import { startFakeS3 } from "../test/support/fake-s3.ts";
import { readOptions } from "./options.ts";
import { machine, markdownTable, SCHEMA } from "./support.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const {
  tables,
  commits,
  concurrency,
  "slow-ms": slowMs,
} = readOptions({
  run: "node bench/slow-table.ts",
  about: "How long versions wait on AWS, without and with a table on storage that is slow.",
  options: {
    tables: { count: 1000, what: "of the catalog" },
    commits: { count: 3000, what: "in each of two rounds" },
    "slow-ms": { count: 3000, what: "milliseconds for each file of the slow table" },
    concurrency: { count: 50, what: "functions at once" },
  },
}).values;
/** As the deployment asks SQS for messages. */
const BATCH = 10;
const GIVEN_MS = 60_000;
/** One of so many commits is to the table that is slow in the second round, so that it always has something to do. */
const SLOW_EVERY = 20;
/** A commit each: some tens a second, so that this process has time left. */
const PAUSE_MS = 20;

const stage = await openStage();
const s3 = await startFakeS3();
Object.assign(process.env, { AWS_ENDPOINT_URL_S3: s3.url, STORAGE: "s3://lake/tables" });
const load = async (name: string) => (await import(`../functions/${name}.ts`)).handler as Handler;
const handlers = { commit: await load("commit"), mirror: await load("mirror"), migrate: await load("migrate") };

async function post<T>(sample: string, body: object): Promise<T> {
  const payload = { ...event<object>(sample), body: JSON.stringify(body) };
  const answer = (await handlers.commit(payload, contextOf("commit"))) as { statusCode: number; body: string };
  if (answer.statusCode !== 201) throw new Error(answer.body);
  return JSON.parse(answer.body) as T;
}

/** Queue and poller: batches of up to ten messages, of groups of which no message is under way. */
function startMirrors({ sqs }: Stage): { readonly rest: () => Promise<void> } {
  const busy = new Set<string>();
  const running = new Set<Promise<void>>();
  let isOver = false;
  // There are queues of others, too: nobody reads them here.
  const isOurs = ({ queueUrl }: { readonly queueUrl: string }) => queueUrl === sqs.queueUrl("mirror.fifo");
  const take = () => {
    const batch = [];
    for (let i = 0; i < sqs.sent.length && batch.length < BATCH; ) {
      const message = sqs.sent[i];
      if (message === undefined || !isOurs(message) || busy.has(message.group ?? "")) i += 1;
      else batch.push(...sqs.sent.splice(i, 1));
    }
    return batch;
  };
  const run = async (batch: ReturnType<typeof take>) => {
    const groups = new Set(batch.map(({ group = "" }) => group));
    for (const group of groups) busy.add(group);
    const endsAt = performance.now() + GIVEN_MS;
    const context = contextOf("mirror", () => endsAt - performance.now());
    const { batchItemFailures } = (await handlers.mirror(sqsEvent(batch), context)) as SQSBatchResponse;
    for (const { itemIdentifier } of batchItemFailures) {
      const failed = batch[Number(itemIdentifier.slice(1))];
      if (failed !== undefined) sqs.sent.push(failed);
    }
    for (const group of groups) busy.delete(group);
  };
  const loop = (async () => {
    while (!isOver || running.size > 0 || sqs.sent.some(isOurs)) {
      const batch = running.size < concurrency ? take() : [];
      if (batch.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      else {
        const work = run(batch).finally(() => running.delete(work));
        running.add(work);
      }
    }
  })();
  return {
    async rest() {
      isOver = true;
      await loop;
    },
  };
}

interface Lag {
  readonly of: string;
  readonly versions: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

async function lags(of: string, since: number, isCounted: (tableId: string) => boolean): Promise<Lag> {
  const rows = await withDatabase(process.env.DATABASE_URL ?? "", (db) =>
    db.read(sql`select table_id, committed_at, published_at from dl_mirror_status where committed_at >= ${since}`),
  );
  const found = rows
    .filter(({ table_id }) => isCounted(String(table_id)))
    .map(({ committed_at, published_at }) => Number(published_at) - Number(committed_at))
    .sort((a, b) => a - b);
  const at = (share: number) => found[Math.min(found.length - 1, Math.floor(found.length * share))] ?? Number.NaN;
  return { of, versions: found.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

const ids: string[] = [];
let slow: string | undefined;
const heads = new Map<string, number>();
async function commitAll(): Promise<void> {
  const mirrors = startMirrors(stage);
  for (let i = 0; i < commits; i += 1) {
    const tableId = (i % SLOW_EVERY === 0 ? slow : ids[i % tables]) ?? "";
    const readVersion = heads.get(tableId) ?? 0;
    const add = { path: `p${i}`, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
    const request = { transactionId: crypto.randomUUID(), tables: [{ tableId, readVersion, actions: [{ add }] }] };
    await post("http.commit", request);
    heads.set(tableId, readVersion + 1);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await mirrors.rest();
}

const found: Lag[] = [];
async function measure(): Promise<void> {
  await handlers.migrate(event("custom-resource.create"), contextOf("migrate"));
  const first = startMirrors(stage);
  for (let i = 0; i < tables; i += 1) {
    const made = await post<{ tableId: string }>("http.create-table", { name: `n.t${i}`, schema: SCHEMA });
    ids.push(made.tableId);
  }
  await first.rest();
  [slow] = ids;
  for (const isSlow of [false, true]) {
    if (isSlow) s3.slow(/^PUT \/lake\/tables\/n\/t0\//, slowMs);
    const since = Date.now();
    await commitAll();
    if (!isSlow) found.push(await lags("all tables", since, () => true));
    else {
      found.push(await lags(`all others beside a slow one`, since, (tableId) => tableId !== slow));
      found.push(await lags("the slow one", since, (tableId) => tableId === slow));
    }
  }
}

// Metrics are printed by the functions: they are not for whoever runs this.
await printed(measure);
const rows = found.map(({ of, versions, p50, p95, max }) => ({ "lag, ms": of, versions, p50, p95, longest: max }));
console.log(`${markdownTable(rows)}\n\n${machine()}`);
await s3.close();
await stage.close();
