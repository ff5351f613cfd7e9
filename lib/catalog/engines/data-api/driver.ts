/** The driver for the RDS Data API (Aurora PostgreSQL): one call per statement, and one per commit of the catalog. */

import { LakeError } from "../../../errors.ts";
import { type Database, type Row, raw, Sql, type SqlTransaction, type SqlValue } from "../../database.ts";
import { POSTGRES } from "../postgres/dialect.ts";
import { isTransient } from "../postgres/errors.ts";
import { type DriverErrors, retried } from "../retry.ts";
import { dataApiError, dataApiState } from "./errors.ts";
import { whileStaged } from "./staging.ts";
import {
  kindOf,
  parametersOf,
  rowsOf,
  SLICES_PER_CALL,
  type Statement,
  sliced,
  slicesOf,
  statementOf,
} from "./statements.ts";
import { type CallOptions, type DataApiClient, type DataApiOptions, openDataApiClient } from "./transport/client.ts";
import { dataApiTarget } from "./transport/url.ts";

/** @throws LakeError invalid for a URL that cannot be read; nothing is called before the first statement */
export function openDataApi(url: string, options: DataApiOptions = {}): Database {
  const target = dataApiTarget(url);
  const client = openDataApiClient(target, options);
  const errors: DriverErrors = {
    isTransient: (error) => isTransient(dataApiState(error)),
    translated: (error) => dataApiError(error, target.place),
  };
  return {
    dialect: POSTGRES,
    all: (query) => retried(() => run(client, query, {}), errors),
    transaction: (work, options) => retried(() => inTransaction(client, work, options?.long === true), errors),
    close: () => client.close(),
  };
}

function run(client: DataApiClient, query: Sql, options: CallOptions): Promise<readonly Row[]> {
  return whileStaged(client, statementOf(query), (statement) => runStatement(client, statement, options));
}

async function runStatement(
  client: DataApiClient,
  statement: Statement,
  options: CallOptions,
): Promise<readonly Row[]> {
  const kind = kindOf(statement.sql);
  if (kind === "bare") {
    await client.execute(statement, options);
    return [];
  }
  const { transactionId } = options;
  // Within a transaction nothing is repeated: it may be gone, or the statement still be running in it.
  const repeatable = kind === "read" && transactionId === undefined;
  const answer = await client.execute(sliced(statement, { all: false }), { ...options, repeatable });
  const { bytes, total } = slicesOf(answer);
  if (bytes.length === total) return rowsOf(bytes);
  if (kind === "write") {
    throw new LakeError("internal", `a statement answered with ${total} bytes, which is more than one call returns`);
  }
  if (transactionId !== undefined) return fetchAll(client, statement, transactionId);
  return withTransaction(client, (id) => fetchAll(client, statement, id));
}

/** A cursor has one snapshot, and the rows are made into text only once: each call takes the next slices of it. */
async function fetchAll(client: DataApiClient, statement: Statement, transactionId: string): Promise<readonly Row[]> {
  const { sql, parameters } = sliced(statement, { all: true });
  const options = { transactionId };
  await client.execute({ sql: `declare dl_slices no scroll cursor for ${sql}`, parameters }, options);
  const next = { sql: `fetch ${SLICES_PER_CALL} from dl_slices`, parameters: [] };
  const parts: Uint8Array[] = [];
  let missing = Number.POSITIVE_INFINITY;
  while (missing > 0) {
    const { bytes, total } = slicesOf(await client.execute(next, options));
    missing = (parts.length === 0 ? total : missing) - bytes.length;
    if (bytes.length === 0 && missing > 0) throw new LakeError("internal", "a cursor ended before its rows did");
    parts.push(bytes);
  }
  await client.execute({ sql: "close dl_slices", parameters: [] }, options);
  return rowsOf(Buffer.concat(parts));
}

async function inTransaction<T>(
  client: DataApiClient,
  work: (tx: SqlTransaction) => Promise<T>,
  long: boolean,
): Promise<T> {
  return withTransaction(client, async (transactionId) => {
    // dl_commit is right under READ COMMITTED only, whatever the default of the database.
    await run(client, raw("set transaction isolation level read committed"), { transactionId });
    return work(transactionOn(client, transactionId, long));
  });
}

async function withTransaction<T>(client: DataApiClient, work: (transactionId: string) => Promise<T>): Promise<T> {
  const transactionId = await client.begin();
  let result: T;
  try {
    result = await work(transactionId);
  } catch (error) {
    await client.rollback(transactionId).catch(() => undefined);
    throw error;
  }
  await client.commit(transactionId);
  return result;
}

/** Parameter sets of one call: well below the limit of 4 MiB, which counts the notation, too. */
const BATCH_CHARACTERS = 500_000;
const BATCH_SETS = 1000;

function transactionOn(client: DataApiClient, transactionId: string, long: boolean): SqlTransaction {
  return {
    all: (query) =>
      run(client, query, {
        transactionId,
        // A definition that was cut off may leave more behind than one that is late.
        ...(long && /^\s*(create|alter|drop)\b/i.test(query.strings[0] ?? "") ? { continueAfterTimeout: true } : {}),
      }),
    async each(statement, rows) {
      for (const batch of batchesOf(rows)) {
        const { sql } = statementOf(withValues(statement, batch));
        await client.batch(sql, batch.map(parametersOf), { transactionId });
      }
    },
  };
}

/** The statement with values that tell the types of its places: the first that is not null in each. */
function withValues(statement: Sql, rows: readonly (readonly SqlValue[])[]): Sql {
  const values = statement.values.map((_, i) => rows.find((row) => row[i] !== null)?.[i] ?? null);
  return new Sql(statement.strings, values);
}

function* batchesOf(rows: readonly (readonly SqlValue[])[]): Generator<readonly (readonly SqlValue[])[]> {
  let batch: (readonly SqlValue[])[] = [];
  let characters = 0;
  for (const row of rows) {
    const size = row.reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 20), 0);
    if (batch.length > 0 && (characters + size > BATCH_CHARACTERS || batch.length === BATCH_SETS)) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push(row);
    characters += size;
  }
  if (batch.length > 0) yield batch;
}
