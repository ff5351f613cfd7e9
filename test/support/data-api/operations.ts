/** The five operations of the Data API on sessions of a database. */

import type { JsonObject } from "../../../lib/delta/values/json.ts";
import { DataApiError, validation } from "./errors.ts";
import type { Operation } from "./faults.ts";
import type { Parameter } from "./parameters.ts";
import { bodyOf, requireSmallRows } from "./results.ts";
import type { ResultOptions } from "./server.ts";
import type { Sessions } from "./sessions.ts";

const MAX_SQL_CHARACTERS = 65_536;

/** The body of the answer. @throws DataApiError */
export async function answerTo(
  operation: Operation,
  input: JsonObject,
  sessionsOf: (database: string | undefined, secretArn: string, transactionId: string | undefined) => Sessions,
): Promise<string> {
  requiredText(input, "resourceArn");
  const secretArn = requiredText(input, "secretArn");
  if (input.schema !== undefined) throw validation("The schema parameter isn't supported");
  const database = typeof input.database === "string" ? input.database : undefined;
  const sessions = sessionsOf(database, secretArn, transactionOf(input));
  switch (operation) {
    case "BeginTransaction":
      return bodyOf({ transactionId: await sessions.begin() });
    case "CommitTransaction":
      await sessions.end(requiredText(input, "transactionId"), "commit");
      return bodyOf({ transactionStatus: "Transaction Committed" });
    case "RollbackTransaction":
      await sessions.end(requiredText(input, "transactionId"), "rollback");
      return bodyOf({ transactionStatus: "Rollback Complete" });
    case "ExecuteStatement":
      return execute(input, sessions);
    case "BatchExecuteStatement":
      return batch(input, sessions);
  }
}

async function execute(input: JsonObject, sessions: Sessions): Promise<string> {
  if (input.formatRecordsAs !== undefined) throw validation("This emulator does not format records as JSON");
  const bound = sessions.bind(sqlOf(input), (input.parameters ?? []) as unknown as readonly Parameter[]);
  const transactionId = transactionOf(input);
  const options = { continueAfterTimeout: input.continueAfterTimeout === true };
  const result = await sessions.within(transactionId, (session) => session.run(bound, options));
  const answer = (): string => {
    const records =
      result.columns.length === 0 ? undefined : result.records((input.resultSetOptions ?? {}) as ResultOptions);
    requireSmallRows(records ?? []);
    const metadata =
      input.includeResultMetadata === true ? result.columns.map((name) => ({ name, label: name })) : undefined;
    return bodyOf({
      numberOfRecordsUpdated: result.written,
      ...(records === undefined ? { generatedFields: [] } : { records }),
      ...(metadata === undefined ? {} : { columnMetadata: metadata }),
    });
  };
  try {
    return answer();
  } catch (error) {
    if (transactionId !== undefined && error instanceof DataApiError) await sessions.lose(transactionId);
    throw error;
  }
}

async function batch(input: JsonObject, sessions: Sessions): Promise<string> {
  const sql = sqlOf(input);
  if (/^\s*(select|with|values)\b/i.test(sql)) throw validation("Batches take no queries");
  const sets = (input.parameterSets ?? []) as unknown as readonly (readonly Parameter[])[];
  const bound = sets.length === 0 ? [sessions.bind(sql, [])] : sets.map((set) => sessions.bind(sql, set));
  await sessions.within(transactionOf(input), async (session) => {
    for (const one of bound) await session.run(one);
  });
  return bodyOf({ updateResults: bound.map(() => ({ generatedFields: [] })) });
}

function transactionOf(input: JsonObject): string | undefined {
  return input.transactionId === undefined ? undefined : requiredText(input, "transactionId");
}

function sqlOf(input: JsonObject): string {
  const sql = requiredText(input, "sql");
  if (sql.length > MAX_SQL_CHARACTERS)
    throw validation(`The statement is longer than ${MAX_SQL_CHARACTERS} characters`);
  return sql;
}

function requiredText(input: JsonObject, name: string): string {
  const value = input[name];
  if (typeof value !== "string" || value === "") throw validation(`${name} is required`);
  return value;
}
