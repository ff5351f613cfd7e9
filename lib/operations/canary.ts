/**
 * Tries the service as a client does: a commit to a table of its own, read back by the API and from `_delta_log`, and calls that must
 * be refused. It knows the API and the log, and nothing of SQL.
 */

import { ageMs } from "../delta/values/age.ts";
import { errorText, LakeError, unavailable } from "../errors.ts";
import type { Clock, DeltaLog } from "../ports.ts";

/** With its own credentials; with none; with some that are not right. */
export type CanaryCaller = "canary" | "nobody" | "stranger";

export interface CanaryAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface CanaryLake {
  /** @throws LakeError unavailable when there is no answer */
  readonly ask: (as: CanaryCaller, method: "GET" | "POST", path: string, body?: object) => Promise<CanaryAnswer>;
  readonly openLog: (location: string) => Pick<DeltaLog, "readCommitBytes">;
  readonly clock: Clock;
}

export interface CanaryOptions {
  /** `namespace.name`: made at the first run. */
  readonly table: string;
  /** Milliseconds until the log must have what was committed. */
  readonly mirroredWithinMs: number;
}

export interface CanaryReport {
  readonly version?: number;
  /** Milliseconds: of the commit, and from its answer until the log has it. */
  readonly commitMs?: number;
  readonly mirrorMs?: number;
  /** What is not as it should be; empty when all is well. */
  readonly failures: readonly string[];
}

const PAUSE_MS = 100;
const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
const REFUSED: readonly number[] = [401, 403];

/** Never throws: what goes wrong is in the report, and what does not depend on it is tried all the same. */
export async function runCanary(lake: CanaryLake, options: CanaryOptions): Promise<CanaryReport> {
  const failures: string[] = [];
  const tried = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      failures.push(`${what}: ${errorText(error)}`);
      return undefined;
    }
  };
  await tried("a caller who must be refused", () => checkRefusals(lake));
  const made = await tried("commit", () => commitOne(lake, options.table));
  if (made === undefined) return { failures };
  const { version, commitMs } = made;
  const mirrorMs = await tried("_delta_log", () => untilMirrored(lake, made, options.mirroredWithinMs));
  await tried("read", () => checkRead(lake, made));
  return { version, commitMs, ...(mirrorMs === undefined ? {} : { mirrorMs }), failures };
}

interface Made {
  readonly transactionId: string;
  readonly tableId: string;
  readonly location: string;
  readonly version: number;
  readonly commitMs: number;
}

async function commitOne({ ask, clock }: CanaryLake, table: string): Promise<Made> {
  const look = () => ask("canary", "POST", "/v1/snapshots", { tables: [{ table }] });
  let seen = await look();
  if (seen.status === 404) {
    expectStatus(await ask("canary", "POST", "/v1/tables", { name: table, schema: SCHEMA }), 201, 409);
    seen = await look();
  }
  expectStatus(seen, 200);
  const [state] = seen.body.tables as readonly { readonly tableId: string; readonly version: number }[];
  if (state === undefined) throw wrong("the snapshot has no table");
  const { tableId } = state;
  const startedAt = clock.now();
  // An application's version and no file: nothing has to be written or tidied up beside the log.
  const txn = { appId: "deltalakedb-canary", version: startedAt, lastUpdated: startedAt };
  const transactionId = clock.newId();
  const answer = await ask("canary", "POST", "/v1/commits", {
    transactionId,
    tables: [{ tableId, readVersion: state.version, actions: [{ txn }] }],
  });
  const commitMs = ageMs(clock.now(), startedAt);
  expectStatus(answer, 201);
  const [committed] = answer.body.tables as readonly { readonly version: number }[];
  const described = await ask("canary", "GET", `/v1/tables/${tableId}`);
  expectStatus(described, 200);
  return {
    transactionId,
    tableId,
    location: String(described.body.location),
    version: committed?.version ?? -1,
    commitMs,
  };
}

/** The file that readers see, with the transaction in it. */
async function untilMirrored(lake: CanaryLake, made: Made, withinMs: number): Promise<number> {
  const { clock } = lake;
  const log = lake.openLog(made.location);
  const startedAt = clock.now();
  for (let waitedMs = 0; ; waitedMs += PAUSE_MS) {
    const bytes = await log.readCommitBytes(made.version);
    if (bytes !== undefined) {
      if (new TextDecoder().decode(bytes).includes(made.transactionId)) return ageMs(clock.now(), startedAt);
      throw wrong(`version ${made.version} in ${made.location} is not what was committed`);
    }
    if (Math.max(waitedMs, ageMs(clock.now(), startedAt)) >= withinMs) {
      throw unavailable(`version ${made.version} is not in ${made.location} after ${withinMs} ms`);
    }
    await clock.sleep(PAUSE_MS);
  }
}

async function checkRead({ ask }: CanaryLake, { transactionId, tableId, version }: Made): Promise<void> {
  const answer = await ask("canary", "GET", `/v1/transactions/${transactionId}`);
  expectStatus(answer, 200);
  const tables = answer.body.tables as readonly { readonly tableId: string; readonly version: number }[];
  if (tables.some((table) => table.tableId === tableId && table.version === version)) return;
  throw wrong(`transaction ${transactionId} does not say version ${version} of ${tableId}`);
}

/** Reads and writes alike. What is asked for would change nothing, were it let through. */
async function checkRefusals({ ask, clock }: CanaryLake): Promise<void> {
  for (const as of ["nobody", "stranger"] as const) {
    const body = { transactionId: clock.newId(), tables: [] };
    for (const [method, path, sent] of [
      ["GET", "/v1/tables", undefined],
      ["POST", "/v1/commits", body],
    ] as const) {
      const { status } = await ask(as, method, path, sent);
      if (!REFUSED.includes(status)) throw wrong(`${method} ${path} was answered with ${status} to ${as}`);
    }
  }
}

function expectStatus({ status, body }: CanaryAnswer, ...wanted: readonly number[]): void {
  if (wanted.includes(status)) return;
  throw wrong(`answered with ${status} ${String(body.code ?? "")}: ${String(body.detail ?? body.message ?? "")}`);
}

function wrong(what: string): LakeError {
  return new LakeError("internal", what, { code: "CANARY_FAILED" });
}
