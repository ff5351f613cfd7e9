/** The driver for the RDS Data API: one call per statement, and one per commit of the catalog. */

import { BoundedMap } from "../../../bounded-map.ts";
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
import { AURORA_MYSQL, notSetUp } from "./mysql.ts";
import { whileStaged } from "./staging.ts";
import {
  declared,
  fetched,
  parametersOf,
  plainRowsOf,
  type Records,
  rowsOf,
  type Statement,
  sliced,
  slicesOf,
  statementOf,
} from "./statements.ts";
import { type DataApiClient, type DataApiOptions, openDataApiClient } from "./transport/client.ts";
import { dataApiTarget } from "./transport/url.ts";

/** @throws LakeError invalid for a URL that cannot be read; nothing is called before the first statement */
export function openDataApi(url: string, options: DataApiOptions = {}): Database {
  const target = dataApiTarget(url);
  const flavour = target.engine === "mysql" ? AURORA_MYSQL : AURORA_POSTGRES;
  const client = openDataApiClient(target, flavour, options);
  const session: Session = { client, flavour, place: target.place, columns: new BoundedMap(STATEMENTS) };
  const errors: DriverErrors = {
    isTransient: (error) => flavour.isTransient(dataApiState(error)),
    translated: (error) => dataApiError(error, flavour, target.place),
  };
  return {
    ...statementsOn(session, (work) => retried(work, errors)),
    probe: async (query) => {
      const statement = statementOf(query, flavour);
      const columns = await columnsOf(session, statement, (one) => client.probe(one, { named: true }));
      return rowsOf(firstSlices(session, await client.probe(sliced(statement, flavour, columns ?? []))).bytes, columns);
    },
    transaction: (work, options = {}) => retried(() => inTransaction(session, work, options), errors),
    close: () => session.client.close(),
  };
}

/** Texts of statements whose columns are kept: ours are some hundred, but for lists of parameters. */
const STATEMENTS = 1000;

/** Whom the calls go to, and within which transaction. */
interface Session {
  readonly client: DataApiClient;
  readonly flavour: Flavour;
  readonly place: string;
  /** Names of the columns of statements by their text, as far as this process has asked for them. */
  readonly columns: BoundedMap<string, readonly string[]>;
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
    return attempt(() => whileStaged(client, flavour, statementOf(query, flavour), work, transactionId));
  };
  return {
    dialect: flavour.dialect,
    read: (query) => staged(query, (statement) => read(session, statement)),
    write: (query) => staged(query, async (statement) => void (await client.execute(statement, { transactionId }))),
    writeReturning: (query) => staged(query, (statement) => writeReturning(session, statement)),
    define: (sql) =>
      attempt(async () => {
        // A definition that was cut off may leave more behind than one that is late.
        const continueAfterTimeout = long || transactionId === undefined;
        await client.execute({ sql, parameters: [] }, { transactionId, continueAfterTimeout });
      }),
  };
}

async function read(session: Session, statement: Statement): Promise<readonly Row[]> {
  const { client, flavour, transactionId } = session;
  // Within a transaction nothing is repeated: it may be gone, or the statement still be running in it.
  const repeatable = transactionId === undefined;
  const options = { transactionId, repeatable };
  const columns = await columnsOf(session, statement, (one) => client.execute(one, { ...options, named: true }));
  const answer = await client.execute(sliced(statement, flavour, columns ?? []), options).catch((error: unknown) => {
    // A migration may have added one to a table of which it reads all.
    session.columns.delete(statement.sql);
    throw error;
  });
  const { bytes, total } = firstSlices(session, answer);
  if (bytes.length === total) return rowsOf(bytes, columns);
  if (transactionId !== undefined) return fetchAll(session, statement, columns);
  return withTransaction(session, async (inside) => {
    const { begin } = flavour.cursor;
    if (begin !== undefined)
      await client.execute({ sql: begin, parameters: [] }, { transactionId: inside.transactionId });
    return fetchAll(inside, statement, columns);
  });
}

/** undefined where the flavour has rows with names */
async function columnsOf(
  { flavour, columns }: Session,
  { sql, parameters }: Statement,
  ask: (statement: Statement) => Promise<Records>,
): Promise<readonly string[] | undefined> {
  if (flavour.columns === undefined) return undefined;
  const known = columns.get(sql);
  if (known !== undefined) return known;
  const found = (await ask({ sql: flavour.columns(sql), parameters })).columns;
  columns.set(sql, found);
  return found;
}

function firstSlices({ place }: Session, records: Records): { readonly bytes: Uint8Array; readonly total: number } {
  const { bytes, total } = slicesOf(records);
  if (total === undefined) throw notSetUp(place);
  return { bytes, total };
}

async function writeReturning(session: Session, statement: Statement): Promise<readonly Row[]> {
  const { client, flavour, transactionId } = session;
  if (flavour.writesPlain) return plainRowsOf(await client.execute(statement, { transactionId, named: true }));
  const { bytes, total } = firstSlices(
    session,
    await client.execute(sliced(statement, flavour, []), { transactionId }),
  );
  if (bytes.length < total) {
    throw new LakeError("internal", `a statement answered with ${total} bytes, which is more than one call returns`);
  }
  return rowsOf(bytes);
}

/** A cursor has one snapshot, and the rows are made into text only once: each call takes the next slices of it. */
async function fetchAll(
  session: Session,
  statement: Statement,
  columns: readonly string[] | undefined,
): Promise<readonly Row[]> {
  const { client, flavour, transactionId } = session;
  const options = { transactionId };
  await client.execute(declared(statement, flavour, columns ?? []), options);
  const parts: Uint8Array[] = [];
  let slices = 0;
  let missing = Number.POSITIVE_INFINITY;
  while (missing > 0) {
    const records = await client.execute(fetched(flavour, slices), options);
    const { bytes, total } = firstSlices(session, records);
    missing = (parts.length === 0 ? total : missing) - bytes.length;
    if (bytes.length === 0 && missing > 0) throw new LakeError("internal", "a cursor ended before its rows did");
    parts.push(bytes);
    slices += records.records.length;
  }
  await client.execute({ sql: flavour.cursor.close, parameters: [] }, options);
  return rowsOf(Buffer.concat(parts), columns);
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
  const statements = statementsOn(session, undefined, long);
  return {
    ...statements,
    async each(statement, rows) {
      for (const batch of batchesOf(rows)) {
        // It may be too large for any call.
        const [row = []] = batch;
        if (batch.length === 1) {
          await statements.write(new Sql(statement.strings, row));
          continue;
        }
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
