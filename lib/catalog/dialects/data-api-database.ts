/** The driver for Aurora PostgreSQL behind the RDS Data API: one HTTP call a statement, and one statement a commit (design D2). */

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { unavailable } from "../../errors.ts";
import type { Database, Row, Sql, SqlTransaction } from "../database.ts";
import { type Calls, type DataApiOptions, openCalls } from "./data-api-calls.ts";
import { dataApiError, dataApiFailure, stateOf } from "./data-api-errors.ts";
import { stagedStatement } from "./data-api-staging.ts";
import {
  inSlices,
  keptSlices,
  kindOf,
  parameterOf,
  readSlices,
  rowsOf,
  type Statement,
  slicesOf,
  statementOf,
} from "./data-api-statements.ts";
import { dataApiPlace } from "./data-api-url.ts";
import { POSTGRES } from "./postgres.ts";

const MAX_ATTEMPTS = 5;
/** Parameter sets of one batch. */
const BATCH_SETS = 500;

/** @throws LakeError invalid for a URL that names no cluster; nothing is contacted yet */
export function openDataApi(url: string, options: DataApiOptions = {}): Database {
  const at = dataApiPlace(url);
  const place = `${at.database} on ${at.resourceArn.replace(/^.*:cluster:/, "")}`;
  const calls = openCalls(at, place, options);
  return {
    dialect: POSTGRES,
    all: (query) => retried(() => runStaged(calls, query), place),
    transaction: (work, options) => retried(() => inTransaction(calls, work, options?.long === true), place),
    close: async () => calls.close(),
  };
}

interface Within {
  readonly transactionId?: string;
  readonly long?: boolean;
}

/** A statement by itself; what is too large for a request is staged before it, and taken away after it. */
async function runStaged(calls: Calls, query: Sql): Promise<readonly Row[]> {
  const staged = stagedStatement(statementOf(query));
  if (staged === undefined) return run(calls, statementOf(query), {});
  await staged.stage((statement) => calls.execute(statement, { safe: true }));
  const rows = await run(calls, staged.statement, {});
  // Whether this is heard does not matter: a later staging takes left-overs away.
  await calls.execute(staged.cleanUp, { safe: true }).catch(() => undefined);
  return rows;
}

async function run(calls: Calls, { text, parameters }: Statement, within: Within): Promise<readonly Row[]> {
  const { transactionId, long } = within;
  const kind = kindOf(text);
  if (kind === "none") {
    await calls.execute({ text, parameters }, { safe: false, transactionId, long });
    return [];
  }
  const safe = kind === "read" && transactionId === undefined;
  const sliced = { text: inSlices(text), parameters };
  const first = slicesOf(await calls.execute(sliced, { safe, transactionId, long }));
  if (first.slices.length === first.total) return rowsOf(first.slices.join(""));
  if (kind === "rows") throw unavailable("the database's answer is larger than one call may bring");
  // All slices must be of one state: within the caller's transaction, or of one snapshot.
  if (transactionId !== undefined) return rowsOf(await allSlices(calls, { text, parameters }, transactionId));
  return inSnapshot(calls, async (id) => rowsOf(await allSlices(calls, { text, parameters }, id)));
}

async function allSlices(calls: Calls, { text, parameters }: Statement, transactionId: string): Promise<string> {
  const within = { safe: false, transactionId };
  const table = `dl_slices_${randomUUID().replaceAll("-", "")}`;
  await calls.execute({ text: keptSlices(text, table), parameters }, within);
  const slices: string[] = [];
  for (let total = 1; slices.length < total; ) {
    const next = slicesOf(await calls.execute({ text: readSlices(table, slices.length), parameters: [] }, within));
    if (next.slices.length === 0) throw unavailable("rows that were kept to be read have gone");
    slices.push(...next.slices);
    total = next.total;
  }
  return slices.join("");
}

async function inSnapshot<T>(calls: Calls, read: (transactionId: string) => Promise<T>): Promise<T> {
  const transactionId = await calls.begin();
  try {
    const text = "set transaction isolation level repeatable read";
    await calls.execute({ text, parameters: [] }, { safe: false, transactionId });
    return await read(transactionId);
  } finally {
    await calls.rollback(transactionId).catch(() => undefined);
  }
}

async function inTransaction<T>(calls: Calls, work: (tx: SqlTransaction) => Promise<T>, long: boolean): Promise<T> {
  const transactionId = await calls.begin();
  const within = { transactionId, long };
  try {
    // dl_commit is right under READ COMMITTED only, whatever the default of the database.
    const text = "set transaction isolation level read committed";
    await calls.execute({ text, parameters: [] }, { safe: false, transactionId });
    const result = await work({
      all: (query) => run(calls, statementOf(query), within),
      async each(statement, rows) {
        const { text } = statementOf(statement);
        for (let start = 0; start < rows.length; start += BATCH_SETS) {
          const sets = rows.slice(start, start + BATCH_SETS);
          const parameters = sets.map((row) => row.map((value, i) => parameterOf(`p${i + 1}`, value)));
          await calls.batch(text, parameters, transactionId);
        }
      },
    });
    await calls.commit(transactionId);
    return result;
  } catch (error) {
    // One that cannot be reached expires by itself.
    await calls.rollback(transactionId).catch(() => undefined);
    throw error;
  }
}

/** Deadlocks and serialization failures wrote nothing: the same again, a few times. */
async function retried<T>(work: () => Promise<T>, place: string): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      // All else has been translated where it arose, or is the work's own.
      if (stateOf(error) === undefined || dataApiFailure(error) !== "transient") throw error;
      if (tries === MAX_ATTEMPTS) throw dataApiError(error, place);
    }
    await delay(Math.ceil(Math.random() * 20 * 2 ** tries));
  }
}
