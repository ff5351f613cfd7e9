/** The bill of a month, computed: quantities times prices. */

import { MEMORY_MB } from "../../infra/memory.ts";
import {
  ACCESS_LOG_BYTES,
  AURORA_IO_PER_COMMIT,
  BATCHES_PER_COMMIT,
  CHECKPOINT_INTERVAL,
  IDLE_POLLS_A_MONTH,
  LAMBDA_LOG_BYTES,
  MEASURED,
  ROW_BYTES_PER_COMMIT,
} from "./measured.ts";
import { PRICES, type PriceName } from "./prices.ts";

export const HOURS = 730;
const MILLION = 1e6;
const GIGA = 1e9;

export interface Line {
  readonly what: string;
  /** How it is counted. */
  readonly counted: string;
  readonly usd: number;
}

/** @param quantity in units, not millions of them */
const millions = (price: PriceName, quantity: number): number => (PRICES[price].usd * quantity) / MILLION;
const monthly = (price: PriceName, units: number): number => PRICES[price].usd * units;

export const sum = (lines: readonly Line[]): number => lines.reduce((total, { usd }) => total + usd, 0);

/** Invocations, with the memory that the deployment gives them. */
export function lambdaUsd(name: keyof typeof MEMORY_MB, invocations: number, ms: number): number {
  const gigabyteSeconds = (invocations * ms * MEMORY_MB[name]) / 1000 / 1024;
  return millions("lambdaRequest", invocations) + millions("lambdaTime", gigabyteSeconds);
}

/** Bytes of logs that a commit makes, everybody's together. */
export function logBytesPerCommit(): { readonly ours: number; readonly all: number } {
  const { commit, mirror } = MEASURED;
  const ours = commit.logBytes + BATCHES_PER_COMMIT * mirror.logBytes;
  return { ours, all: ours + LAMBDA_LOG_BYTES * (1 + BATCHES_PER_COMMIT) + ACCESS_LOG_BYTES };
}

export function dataApiCallsPerCommit(): number {
  return MEASURED.commit.dataApiCalls + BATCHES_PER_COMMIT * MEASURED.mirror.dataApiCalls;
}

/** What grows with commits, but for Aurora. */
export function commitLines(commits: number): readonly Line[] {
  const { commit, mirror } = MEASURED;
  const batches = commits * BATCHES_PER_COMMIT;
  const share = `${BATCHES_PER_COMMIT} batches a commit`;
  const memory = (name: "commit" | "mirror") => `${(MEMORY_MB[name] / 1024).toFixed(2)} GB on arm64`;
  return [
    { what: "S3, versions in `_delta_log`", counted: "one PUT a commit", usd: millions("s3Put", commits) },
    {
      what: "S3, a look at the log before each batch",
      counted: `one LIST a batch, ${share}`,
      usd: millions("s3Put", batches),
    },
    {
      what: "S3, checkpoints",
      counted: `every ${CHECKPOINT_INTERVAL} versions, with \`_last_checkpoint\``,
      usd: millions("s3Put", (2 * commits) / CHECKPOINT_INTERVAL),
    },
    { what: "API Gateway, HTTP API", counted: "one request a commit", usd: millions("apiRequest", commits) },
    {
      what: "SQS FIFO",
      counted: "sent once a commit, received and deleted once a batch",
      usd: millions("sqsFifo", commits + 2 * batches),
    },
    {
      what: "Lambda, commit",
      counted: `${commit.ms} ms at ${memory("commit")}`,
      usd: lambdaUsd("commit", commits, commit.ms),
    },
    {
      what: "Lambda, mirror",
      counted: `${mirror.ms} ms a batch at ${memory("mirror")}`,
      usd: lambdaUsd("mirror", batches, mirror.ms),
    },
    {
      what: "Data API",
      counted: `${commit.dataApiCalls} a commit, ${mirror.dataApiCalls} a batch: ${dataApiCallsPerCommit().toFixed(1)} a commit`,
      usd: millions("dataApi", commits * dataApiCallsPerCommit()),
    },
    {
      what: "logs",
      counted: `${(logBytesPerCommit().all / 1000).toFixed(1)} KB a commit, ${(logBytesPerCommit().ours / 1000).toFixed(1)} KB of them ours`,
      usd: (PRICES.logs.usd * commits * logBytesPerCommit().all) / GIGA,
    },
  ];
}

/** Aurora's storage and its reads and writes, in the month in which the commits are made. */
export function auroraUsd(commits: number): number {
  const gigabytes = (commits * ROW_BYTES_PER_COMMIT) / GIGA;
  return millions("auroraIo", commits * AURORA_IO_PER_COMMIT) + monthly("auroraStorage", gigabytes);
}

export function parityLines(checks: number): readonly Line[] {
  const { parity } = MEASURED;
  return [
    { what: "S3", counted: "one LIST a check", usd: millions("s3Put", checks) },
    { what: "Lambda", counted: `${parity.ms} ms a check`, usd: lambdaUsd("parity", checks, parity.ms) },
    {
      what: "SQS",
      counted: "sent by tens, received and deleted one by one",
      usd: millions("sqsStandard", 2.1 * checks),
    },
    {
      what: "Data API",
      counted: `${parity.dataApiCalls} calls a check`,
      usd: millions("dataApi", parity.dataApiCalls * checks),
    },
    {
      what: "logs",
      counted: `${((parity.logBytes + LAMBDA_LOG_BYTES) / 1000).toFixed(1)} KB a check`,
      usd: (PRICES.logs.usd * checks * (parity.logBytes + LAMBDA_LOG_BYTES)) / GIGA,
    },
  ];
}

/** Backups and maintenance of a catalog whose full backup has so many bytes. */
export function safetyLines(
  runsADay: number,
  keptDays: number,
  backupBytes: number,
  auroraBytes: number,
): readonly Line[] {
  const runs = (runsADay * HOURS) / 24;
  const kept = (runsADay * keptDays * backupBytes) / GIGA;
  const minute = 60_000;
  return [
    { what: "Lambda, backups", counted: `${Math.round(runs)} of a minute`, usd: lambdaUsd("backup", runs, minute) },
    {
      what: "Lambda, verifications and drills",
      counted: "30 and 10 of two minutes",
      usd: lambdaUsd("backup", 30, 2 * minute) + lambdaUsd("drill", 10, 2 * minute),
    },
    {
      what: "Lambda, maintenance",
      counted: `${Math.round(runs)} of a minute`,
      usd: lambdaUsd("maintenance", runs, minute),
    },
    {
      what: "S3, backups",
      counted: `kept ${keptDays} days; ${kept.toFixed(0)} GB if each were full`,
      usd: monthly("s3Storage", kept),
    },
    { what: "Data API", counted: "200 calls a backup", usd: millions("dataApi", 200 * runs) },
    {
      what: "AWS Backup, snapshots of Aurora",
      counted: "what changed, beside Aurora's own recovery",
      usd: monthly("snapshotStorage", auroraBytes / GIGA),
    },
  ];
}

/** @param alarms and metrics of one deployment */
export function fixedLines(counts: {
  readonly metrics: number;
  readonly alarms: number;
  readonly composites: number;
  readonly secrets: number;
}): readonly Line[] {
  const { metrics, alarms, composites, secrets } = counts;
  return [
    { what: "metrics", counted: String(metrics), usd: monthly("metric", metrics) },
    { what: "alarms", counted: String(alarms), usd: monthly("alarm", alarms) },
    { what: "composite alarms", counted: String(composites), usd: monthly("compositeAlarm", composites) },
    { what: "secrets", counted: String(secrets), usd: monthly("secret", secrets) },
    {
      what: "queues that are asked while nothing is in them",
      counted: "three queues, five pollers each, every 20 s",
      usd: millions("sqsFifo", IDLE_POLLS_A_MONTH) + millions("sqsStandard", 2 * IDLE_POLLS_A_MONTH),
    },
  ];
}

/** @param share of the month in which it is awake */
export function capacityUsd(acu: number, instances: number, share = 1): number {
  return monthly("acu", acu * instances * share * HOURS);
}

/** Two small containers and a load balancer, a month. */
export function serversUsd({ nat }: { readonly nat: boolean }): number {
  const [containers, cpus, gigabytes] = [2, 0.5, 1];
  const container = monthly("fargateCpu", cpus * HOURS) + monthly("fargateMemory", gigabytes * HOURS);
  return containers * container + monthly("loadBalancer", HOURS) + (nat ? monthly("natGateway", HOURS) : 0);
}

/** What servers of one's own save of a commit: they have neither gateway, queue, functions nor Data API. */
export function savedPerCommit(): number {
  const gone = /^(API Gateway|SQS|Lambda|Data API)/;
  return sum(commitLines(1).filter(({ what }) => gone.test(what)));
}

/** Commits a month from which on servers of one's own cost less. */
export function breakEven(options: { readonly nat: boolean }): number {
  return serversUsd(options) / savedPerCommit();
}
