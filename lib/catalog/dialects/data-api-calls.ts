/** Calls of the Data API: one attempt of the SDK each, repeated by us where that is safe, until a deadline. */

import { setTimeout as delay } from "node:timers/promises";
import {
  BatchExecuteStatementCommand,
  BeginTransactionCommand,
  CommitTransactionCommand,
  ExecuteStatementCommand,
  RDSDataClient,
  RollbackTransactionCommand,
  type SqlParameter,
} from "@aws-sdk/client-rds-data";
import { dataApiError, dataApiFailure } from "./data-api-errors.ts";
import type { Parameter, Statement } from "./data-api-statements.ts";
import type { DataApiPlace } from "./data-api-url.ts";

export interface DataApiOptions {
  /** Told of every attempt. */
  readonly onCall?: (call: { readonly durationMs: number; readonly error?: unknown }) => void;
  /** For tests: waits without the time. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** Seconds between attempts: a paused cluster takes about 15 to wake up, API Gateway gives up after 30. */
const LADDER_SECONDS = [0, 1, 2, 4, 6, 6];
const CONNECT_MS = 3_000;
/** Above the 45 s that a statement may take. */
const SILENCE_MS = 60_000;

export interface Calls {
  /** @param safe true when the statement may run twice */
  execute(statement: Statement, options: ExecuteOptions): Promise<readonly (readonly unknown[])[]>;
  batch(text: string, sets: readonly (readonly Parameter[])[], transactionId: string): Promise<void>;
  begin(): Promise<string>;
  commit(transactionId: string): Promise<void>;
  rollback(transactionId: string): Promise<void>;
  close(): void;
}

export interface ExecuteOptions {
  readonly safe: boolean;
  readonly transactionId?: string | undefined;
  /** Goes on beyond the limit of 45 s: for DDL. */
  readonly long?: boolean | undefined;
}

export function openCalls(at: DataApiPlace, place: string, options: DataApiOptions): Calls {
  const { sleep = delay, onCall } = options;
  const client = new RDSDataClient({
    region: at.region,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
    ...(at.endpoint === undefined ? {} : { endpoint: at.endpoint }),
  });
  const { resourceArn, secretArn, database } = at;
  const cluster = { resourceArn, secretArn };

  /** @throws LakeError; or the SDK's own error for a deadlock, after which the whole may be tried again */
  async function attempt<T>(send: () => Promise<T>, safe: boolean): Promise<T> {
    for (const wait of [...LADDER_SECONDS, undefined]) {
      const startedAt = performance.now();
      try {
        const result = await send();
        onCall?.({ durationMs: performance.now() - startedAt });
        return result;
      } catch (error) {
        onCall?.({ durationMs: performance.now() - startedAt, error });
        const failure = dataApiFailure(error);
        if (failure === "transient") throw error;
        const again = failure === "waking" || failure === "refused" || (failure === "unsure" && safe);
        if (!again || wait === undefined) throw dataApiError(error, place);
        await sleep(wait * 1000 + Math.random() * 100);
      }
    }
    throw new Error("unreachable");
  }

  return {
    async execute({ text, parameters }, { safe, transactionId, long }) {
      const command = new ExecuteStatementCommand({
        ...cluster,
        ...(transactionId === undefined ? { database } : { transactionId }),
        sql: text,
        parameters: parameters as SqlParameter[],
        ...(long === true ? { continueAfterTimeout: true } : {}),
      });
      return (await attempt(() => client.send(command), safe)).records ?? [];
    },
    async batch(text, sets, transactionId) {
      const parameterSets = sets as SqlParameter[][];
      const command = new BatchExecuteStatementCommand({ ...cluster, transactionId, sql: text, parameterSets });
      await attempt(() => client.send(command), false);
    },
    // A transaction that nobody hears of expires by itself.
    async begin() {
      const command = new BeginTransactionCommand({ ...cluster, database });
      return (await attempt(() => client.send(command), true)).transactionId ?? "";
    },
    async commit(transactionId) {
      await attempt(() => client.send(new CommitTransactionCommand({ ...cluster, transactionId })), false);
    },
    async rollback(transactionId) {
      await client.send(new RollbackTransactionCommand({ ...cluster, transactionId }));
    },
    close: () => client.destroy(),
  };
}
