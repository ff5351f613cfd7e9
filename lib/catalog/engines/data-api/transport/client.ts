/** Calls of the Data API, one attempt each by AWS's client. */

import type { ExecuteStatementResponse, RDSDataClient, SqlParameter } from "@aws-sdk/client-rds-data";
import { deadlineMs } from "../../../../deadlines.ts";
import { LakeError } from "../../../../errors.ts";
import { timeLeft } from "../../../../time-left.ts";
import type { Flavour } from "../dialect.ts";
import { errorName } from "../errors.ts";
import type { Records, Statement } from "../statements.ts";
import { type ResendOptions, resend } from "./resend.ts";
import type { DataApiTarget } from "./url.ts";

/** One call, for metrics. */
export interface DataApiCall {
  readonly operation: "Execute" | "BatchExecute" | "BeginTransaction" | "CommitTransaction" | "RollbackTransaction";
  readonly durationMs: number;
  /** Name of the exception, or errno. */
  readonly error?: string;
}

export interface DataApiOptions extends ResendOptions {
  readonly onCall?: (call: DataApiCall) => void;
}

/** How a call behaves when its answer is lost. */
export interface CallOptions {
  readonly transactionId?: string | undefined;
  /** True: it changes nothing, and may be sent again although its outcome is unknown. */
  readonly repeatable?: boolean;
  readonly continueAfterTimeout?: boolean;
  /** Asks for the names of the columns. */
  readonly named?: boolean;
}

export interface DataApiClient {
  execute(statement: Statement, options: CallOptions): Promise<Records>;
  /** Once, and given up soon: for the health check. */
  probe(statement: Statement, options?: Pick<CallOptions, "named">): Promise<Records>;
  batch(sql: string, sets: readonly SqlParameter[][], options: CallOptions): Promise<void>;
  begin(): Promise<string>;
  commit(transactionId: string): Promise<void>;
  rollback(transactionId: string): Promise<void>;
  close(): Promise<void>;
}

interface Loaded {
  readonly sdk: typeof import("@aws-sdk/client-rds-data");
  readonly client: RDSDataClient;
}

/** What the SDK is told with each call. */
interface Sending {
  readonly abortSignal?: AbortSignal;
}

export function openDataApiClient(target: DataApiTarget, flavour: Flavour, options: DataApiOptions): DataApiClient {
  const { resourceArn, secretArn, database } = target;
  const cluster = { resourceArn, secretArn };
  // Loaded on the first call: who uses another engine need not have it in memory.
  let loading: Promise<Loaded> | undefined;
  const load = () => {
    loading ??= import("@aws-sdk/client-rds-data").then((sdk) => ({ sdk, client: clientOf(sdk, target) }));
    return loading;
  };
  const call = async <T>(
    operation: DataApiCall["operation"],
    repeatable: boolean,
    send: (loaded: Loaded & { readonly sending: Sending }) => Promise<T>,
    resending: ResendOptions = {},
  ): Promise<T> => {
    const loaded = await load();
    const { signal = timeLeft() } = resending;
    const sending = signal === undefined ? {} : { abortSignal: signal };
    const attempt = () => timed(operation, options.onCall, () => untilOver(signal, send({ ...loaded, sending })));
    return resend(attempt, { repeatable, flavour, place: target.place, signal, ...options, ...resending });
  };
  return {
    execute: ({ sql, parameters }, { transactionId, repeatable = false, continueAfterTimeout, named }) =>
      call("Execute", repeatable, async ({ sdk, client, sending }) => {
        const input = { ...cluster, database, sql, parameters: [...parameters], transactionId, continueAfterTimeout };
        return recordsOf(await client.send(new sdk.ExecuteStatementCommand({ ...input, ...metadata(named) }), sending));
      }),
    probe: ({ sql, parameters }, { named } = {}) =>
      call(
        "Execute",
        true,
        async ({ sdk, client, sending }) => {
          const input = { ...cluster, database, sql, parameters: [...parameters], ...metadata(named) };
          return recordsOf(await client.send(new sdk.ExecuteStatementCommand(input), sending));
        },
        onceAndSoon(),
      ),
    batch: (sql, sets, { transactionId, repeatable = false }) =>
      call("BatchExecute", repeatable, async ({ sdk, client, sending }) => {
        const input = { ...cluster, database, sql, parameterSets: [...sets], transactionId };
        await client.send(new sdk.BatchExecuteStatementCommand(input), sending);
      }),
    // A transaction whose begin was lost holds nothing, and expires by itself.
    begin: () =>
      call("BeginTransaction", true, async ({ sdk, client, sending }) => {
        const command = new sdk.BeginTransactionCommand({ ...cluster, database });
        const { transactionId } = await client.send(command, sending);
        if (transactionId === undefined) throw new LakeError("internal", "the Data API began a transaction without id");
        return transactionId;
      }),
    commit: (transactionId) =>
      call("CommitTransaction", false, async ({ sdk, client, sending }) => {
        await client.send(new sdk.CommitTransactionCommand({ ...cluster, transactionId }), sending);
      }),
    // Also when all time is over, as it holds locks; one that nobody rolls back expires by itself.
    rollback: (transactionId) =>
      call(
        "RollbackTransaction",
        false,
        async ({ sdk, client, sending }) => {
          await client.send(new sdk.RollbackTransactionCommand({ ...cluster, transactionId }), sending);
        },
        onceAndSoon(),
      ),
    async close() {
      if (loading !== undefined) (await loading).client.destroy();
    },
  };
}

function metadata(named = false): { readonly includeResultMetadata?: true } {
  return named ? { includeResultMetadata: true } : {};
}

function recordsOf({ records = [], columnMetadata = [] }: ExecuteStatementResponse): Records {
  return { records, columns: columnMetadata.map(({ label, name }) => label ?? name ?? "") };
}

/** One attempt, with a time of its own. */
function onceAndSoon(): ResendOptions {
  return { withinMs: -1, signal: AbortSignal.timeout(deadlineMs("databaseConnection")) };
}

/** The SDK says of an aborted call that it was aborted; why, the signal knows. */
async function untilOver<T>(signal: AbortSignal | undefined, sent: Promise<T>): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    if (errorName(error) === "AbortError") signal?.throwIfAborted();
    throw error;
  }
}

/** The retries of the client itself are off: it would send a commit again whose answer was lost. */
function clientOf(sdk: typeof import("@aws-sdk/client-rds-data"), { region, endpoint }: DataApiTarget): RDSDataClient {
  return new sdk.RDSDataClient({
    region,
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    requestHandler: {
      connectionTimeout: deadlineMs("dataApiConnection"),
      requestTimeout: deadlineMs("dataApiAnswer"),
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
