/** Calls of the Data API, one attempt each by AWS's client: here is decided what may be sent again, and when. */

import { setTimeout as delay } from "node:timers/promises";
import type { Field, RDSDataClient, SqlParameter } from "@aws-sdk/client-rds-data";
import { LakeError } from "../../errors.ts";
import { dataApiError, dataApiState, errorName, fateOf } from "./data-api-errors.ts";
import type { Statement } from "./data-api-statements.ts";
import type { DataApiTarget } from "./data-api-url.ts";
import { isTransient } from "./postgres-errors.ts";

/** One call, for metrics. */
export interface DataApiCall {
  readonly operation: "Execute" | "BatchExecute" | "BeginTransaction" | "CommitTransaction" | "RollbackTransaction";
  readonly durationMs: number;
  /** Name of the exception, or errno. */
  readonly error?: string;
}

export interface DataApiOptions {
  readonly onCall?: (call: DataApiCall) => void;
  /** How long to wait for a database that is resuming or overloaded; 20 000 if absent, below API Gateway's limit of 30 s. */
  readonly patienceMs?: number;
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** How a call behaves when its answer is lost. */
export interface CallOptions {
  readonly transactionId?: string | undefined;
  /** True: it changes nothing, and may be sent again although its outcome is unknown. */
  readonly repeatable?: boolean;
  readonly continueAfterTimeout?: boolean;
}

export interface DataApiClient {
  execute(statement: Statement, options: CallOptions): Promise<readonly (readonly Field[])[]>;
  batch(sql: string, sets: readonly SqlParameter[][], options: CallOptions): Promise<void>;
  begin(): Promise<string>;
  commit(transactionId: string): Promise<void>;
  rollback(transactionId: string): Promise<void>;
  close(): Promise<void>;
}

const WAITS_MS = [0, 1000, 2000, 4000, 8000, 8000];
const PATIENCE_MS = 20_000;
/** Above the Data API's own limit of 45 s, after which it answers that the statement took too long. */
const REQUEST_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5000;

export function openDataApiClient(target: DataApiTarget, options: DataApiOptions): DataApiClient {
  const { resourceArn, secretArn, database } = target;
  const cluster = { resourceArn, secretArn };
  // Loaded on the first call: who uses another engine need not have it in memory.
  let loading: Promise<{ sdk: typeof import("@aws-sdk/client-rds-data"); client: RDSDataClient }> | undefined;
  const load = () => {
    loading ??= import("@aws-sdk/client-rds-data").then((sdk) => ({ sdk, client: clientOf(sdk, target) }));
    return loading;
  };
  const call = async <T>(
    operation: DataApiCall["operation"],
    repeatable: boolean,
    send: (loaded: Awaited<ReturnType<typeof load>>) => Promise<T>,
    patience: { patienceMs?: number } = {},
  ): Promise<T> => {
    const loaded = await load();
    const attempt = () => timed(operation, options.onCall, () => send(loaded));
    return patiently(attempt, { repeatable, place: target.place, ...options, ...patience });
  };
  return {
    execute: ({ sql, parameters }, { transactionId, repeatable = false, continueAfterTimeout }) =>
      call("Execute", repeatable, async ({ sdk, client }) => {
        const input = { ...cluster, database, sql, parameters: [...parameters], transactionId, continueAfterTimeout };
        return (await client.send(new sdk.ExecuteStatementCommand(input))).records ?? [];
      }),
    batch: (sql, sets, { transactionId, repeatable = false }) =>
      call("BatchExecute", repeatable, async ({ sdk, client }) => {
        const input = { ...cluster, database, sql, parameterSets: [...sets], transactionId };
        await client.send(new sdk.BatchExecuteStatementCommand(input));
      }),
    // A transaction whose begin was lost holds nothing, and expires by itself.
    begin: () =>
      call("BeginTransaction", true, async ({ sdk, client }) => {
        const { transactionId } = await client.send(new sdk.BeginTransactionCommand({ ...cluster, database }));
        if (transactionId === undefined) throw new LakeError("internal", "the Data API began a transaction without id");
        return transactionId;
      }),
    commit: (transactionId) =>
      call("CommitTransaction", false, async ({ sdk, client }) => {
        await client.send(new sdk.CommitTransactionCommand({ ...cluster, transactionId }));
      }),
    // Once: a transaction that nobody rolls back expires by itself.
    rollback: (transactionId) =>
      call(
        "RollbackTransaction",
        false,
        async ({ sdk, client }) => {
          await client.send(new sdk.RollbackTransactionCommand({ ...cluster, transactionId }));
        },
        { patienceMs: -1 },
      ),
    async close() {
      if (loading !== undefined) (await loading).client.destroy();
    },
  };
}

/** The retries of the client itself are off: it would send a commit again whose answer was lost. */
function clientOf(sdk: typeof import("@aws-sdk/client-rds-data"), { region, endpoint }: DataApiTarget): RDSDataClient {
  return new sdk.RDSDataClient({
    region,
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  });
}

async function timed<T>(
  operation: DataApiCall["operation"],
  onCall: DataApiOptions["onCall"],
  send: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const told = (more: { error?: string }) =>
    onCall?.({ operation, durationMs: performance.now() - startedAt, ...more });
  try {
    const result = await send();
    told({});
    return result;
  } catch (error) {
    told({ error: errorName(error) });
    throw error;
  }
}

/**
 * Tries again, at growing intervals, what was not run, and what changes nothing.
 * @throws LakeError; or the client's own error when nothing was written and the same transaction may work
 */
async function patiently<T>(
  attempt: () => Promise<T>,
  options: DataApiOptions & { readonly repeatable: boolean; readonly place: string },
): Promise<T> {
  const { repeatable, place, patienceMs = PATIENCE_MS, sleep = delay } = options;
  const startedAt = performance.now();
  let waitedMs = 0;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (isTransient(dataApiState(error))) throw error;
      const fate = fateOf(error);
      const wait = WAITS_MS[tries];
      const spentMs = Math.max(waitedMs, performance.now() - startedAt);
      const again = fate === "notRun" || (fate === "unknown" && repeatable);
      if (!again || wait === undefined || spentMs + wait > patienceMs) {
        throw fate === "unknown" && !repeatable ? outcomeUnknown(error, place) : dataApiError(error, place);
      }
      waitedMs += wait;
      await sleep(wait);
    }
  }
}

function outcomeUnknown(error: unknown, place: string): LakeError {
  const { message, code } = dataApiError(error, place);
  return new LakeError("unavailable", message, {
    code,
    hint: "It may have been written all the same: send the same request again, with the same transactionId.",
    cause: error,
  });
}
