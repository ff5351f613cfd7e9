/** The driver for the RDS Data API: one call per statement, and one per commit of the catalog. */

import { LakeError } from "../../../errors.ts";
import {
  type Database,
  type Queries,
  type Row,
  Sql,
  type SqlTransaction,
  type SqlValue,
  type TransactionOptions,
} from "../../database.ts";
import { type DriverErrors, retried } from "../retry.ts";
import { AURORA_POSTGRES, type Flavour } from "./dialect.ts";
import { dataApiError, dataApiState } from "./errors.ts";
import { whileStaged } from "./staging.ts";
import { parametersOf, rowsOf, SLICES_PER_CALL, type Statement, sliced, slicesOf, statementOf } from "./statements.ts";
import { type DataApiClient, type DataApiOptions, openDataApiClient } from "./transport/client.ts";
import { dataApiTarget } from "./transport/url.ts";

/** @throws LakeError invalid for a URL that cannot be read; nothing is called before the first statement */
export function openDataApi(url: string, options: DataApiOptions = {}): Database {
  const target = dataApiTarget(url);
  const flavour = AURORA_POSTGRES;
  const session: Session = { client: openDataApiClient(target, flavour, options), flavour };
  const errors: DriverErrors = {
    isTransient: (error) => flavour.isTransient(dataApiState(error)),
    translated: (error) => dataApiError(error, flavour, target.place),
  };
  return {
    ...statementsOn(session, (work) => retried(work, errors)),
    probe: async (query) =>
      rowsOf(slicesOf(await session.client.probe(sliced(statementOf(query, flavour), flavour, "firstCall"))).bytes),
    transaction: (work, options = {}) => retried(() => inTransaction(session, work, options), errors),
    close: () => session.client.close(),
  };
}

/** Whom the calls go to, and within which transaction. */
interface Session {
  readonly client: DataApiClient;
  readonly flavour: Flavour;
  readonly transactionId?: string;
  /** By `performance.now()`: no call of the transaction begins later. */
  readonly endsAt?: number;
}

/** @param attempt within a transaction nothing is tried again: the whole of it is */
function statementsOn(
  session: Session,
  attempt: <T>(work: () => Promise<T>) => Promise<T> = (work) => work(),
  long = false,
): Queries {
  const { client, flavour, transactionId } = session;
  const staged = async <T>(query: Sql, work: (statement: Statement) => Promise<T>) => {
    if (performance.now() > (session.endsAt ?? Number.POSITIVE_INFINITY)) throw tookTooLong();
    return attempt(() => whileStaged(client, flavour, statementOf(query, flavour), work));
  };
  return {
    dialect: flavour.dialect,
    read: (query) => staged(query, (statement) => read(session, statement)),
    write: (query) => staged(query, async (statement) => void (await client.execute(statement, { transactionId }))),
    writeReturning: (query) => staged(query, (statement) => writeReturning(session, statement)),
    define: (sql) =>
      attempt(async () => {
        // A definition that was cut off may leave more behind than one that is late.
        await client.execute({ sql, parameters: [] }, { transactionId, continueAfterTimeout: long });
      }),
  };
}

async function read(session: Session, statement: Statement): Promise<readonly Row[]> {
  const { client, flavour, transactionId } = session;
  // Within a transaction nothing is repeated: it may be gone, or the statement still be running in it.
  const repeatable = transactionId === undefined;
  const { bytes, total } = slicesOf(
    await client.execute(sliced(statement, flavour, "firstCall"), { transactionId, repeatable }),
  );
  if (bytes.length === total) return rowsOf(bytes);
  if (transactionId !== undefined) return fetchAll(session, statement);
  return withTransaction(session, (inside) => fetchAll(inside, statement));
}

async function writeReturning(session: Session, statement: Statement): Promise<readonly Row[]> {
  const { client, flavour, transactionId } = session;
  const { bytes, total } = slicesOf(await client.execute(sliced(statement, flavour, "firstCall"), { transactionId }));
  if (bytes.length < total) {
    throw new LakeError("internal", `a statement answered with ${total} bytes, which is more than one call returns`);
  }
  return rowsOf(bytes);
}

/** A cursor has one snapshot, and the rows are made into text only once: each call takes the next slices of it. */
async function fetchAll({ client, flavour, transactionId }: Session, statement: Statement): Promise<readonly Row[]> {
  const { cursor } = flavour;
  const { sql, parameters } = sliced(statement, flavour, "all");
  const options = { transactionId };
  await client.execute({ sql: cursor.declare(sql), parameters }, options);
  const next = { sql: cursor.fetch(SLICES_PER_CALL), parameters: [] };
  const parts: Uint8Array[] = [];
  let missing = Number.POSITIVE_INFINITY;
  while (missing > 0) {
    const { bytes, total } = slicesOf(await client.execute(next, options));
    missing = (parts.length === 0 ? total : missing) - bytes.length;
    if (bytes.length === 0 && missing > 0) throw new LakeError("internal", "a cursor ended before its rows did");
    parts.push(bytes);
  }
  await client.execute({ sql: cursor.close, parameters: [] }, options);
  return rowsOf(Buffer.concat(parts));
}

async function inTransaction<T>(
  session: Session,
  work: (tx: SqlTransaction) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  return withTransaction(session, async (inside) => {
    const { client, flavour, transactionId } = inside;
    const { long = false, withinMs = Number.POSITIVE_INFINITY } = options;
    await client.execute({ sql: flavour.begin(options), parameters: [] }, { transactionId });
    return work(transactionOn({ ...inside, endsAt: performance.now() + withinMs }, long));
  });
}

async function withTransaction<T>(session: Session, work: (inside: Session) => Promise<T>): Promise<T> {
  const { client } = session;
  const transactionId = await client.begin();
  let result: T;
  try {
    result = await work({ ...session, transactionId });
  } catch (error) {
    await client.rollback(transactionId).catch(() => undefined);
    throw error;
  }
  await client.commit(transactionId);
  return result;
}

function tookTooLong(): LakeError {
  return new LakeError("unavailable", "a transaction of the Data API took too long, and wrote nothing", {
    code: "DATABASE_BUSY",
    hint: "Try again.",
  });
}

/** Parameter sets of one call: well below the limit of 4 MiB, which counts the notation, too. */
const BATCH_CHARACTERS = 500_000;
const BATCH_SETS = 1000;

function transactionOn(session: Session, long: boolean): SqlTransaction {
  const { client, flavour, transactionId } = session;
  return {
    ...statementsOn(session, undefined, long),
    async each(statement, rows) {
      for (const batch of batchesOf(rows)) {
        const { sql } = statementOf(withValues(statement, batch), flavour);
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
