/** Texts that are too large for one call of the Data API: sent in parts beforehand, then named in the statement. */

import { randomUUID } from "node:crypto";
import { type Sql, sql, uuid } from "../../database.ts";
import { sentAgain } from "../../insert-new.ts";
import type { Flavour } from "./dialect.ts";
import { type Statement, statementOf } from "./statements.ts";
import type { DataApiClient } from "./transport/client.ts";

/** The limit is 4 MiB with headers and JSON notation. */
const REQUEST_BYTES = 4_000_000;
const PART_CHARACTERS = 3_000_000;
const PART_BYTES = 3_900_000;
const DAY_MS = 24 * 60 * 60_000;

/** Runs `work` with a statement that fits into a call. */
export async function whileStaged<T>(
  client: DataApiClient,
  flavour: Flavour,
  statement: Statement,
  work: (statement: Statement) => Promise<T>,
  transactionId?: string,
): Promise<T> {
  if (fits(statement)) return work(statement);
  const ids: string[] = [];
  await removeOld(client, flavour).catch(() => undefined);
  try {
    return await work(await staged(client, flavour, statement, ids));
  } finally {
    // Within the transaction, which may have locked what it has read. What stays behind is taken away a day later.
    for (const id of ids) await removeParts(client, flavour, id, transactionId).catch(() => undefined);
  }
}

function fits({ sql: text, parameters }: Statement): boolean {
  // No character takes more than six bytes: hardly any statement needs to be measured.
  const characters = parameters.reduce((sum, { value }) => sum + (value?.stringValue?.length ?? 20), text.length);
  if (characters * 6 < REQUEST_BYTES) return true;
  return (
    notationBytes(text) + parameters.reduce((sum, p) => sum + notationBytes(p.value?.stringValue ?? ""), 0) <
    REQUEST_BYTES
  );
}

/** Each large text gives way to a query for its parts. */
async function staged(
  client: DataApiClient,
  flavour: Flavour,
  statement: Statement,
  ids: string[],
): Promise<Statement> {
  let { sql: text } = statement;
  const parameters = [];
  for (const parameter of statement.parameters) {
    const body = parameter.value?.stringValue ?? "";
    if (body.length * 6 < REQUEST_BYTES / 4) {
      parameters.push(parameter);
      continue;
    }
    const id = randomUUID();
    ids.push(id);
    await Promise.all(partsOf(body).map((part, i) => sendPart(client, flavour, id, i, part)));
    const place = `:${parameter.name}`;
    text = text.replace(new RegExp(`${place}\\b`), () => flavour.staged(place));
    parameters.push({ ...parameter, value: { stringValue: id } });
  }
  return { sql: text, parameters };
}

/** May be sent again: a part that has arrived stays as it is. */
async function sendPart(
  client: DataApiClient,
  flavour: Flavour,
  id: string,
  part: number,
  body: string,
): Promise<void> {
  const statement = statementOf(
    flavour.dialect.insertNew({
      table: "dl_staged_requests",
      columns: ["request_id", "part", "body", "created_at"],
      key: ["request_id", "part"],
      values: [[uuid(id), part, body, nowOf(flavour)]],
    }),
    flavour,
  );
  await sentAgain(() => client.execute(statement, { repeatable: true }));
}

async function removeParts(client: DataApiClient, flavour: Flavour, id: string, transactionId?: string): Promise<void> {
  const statement = statementOf(sql`delete from dl_staged_requests where request_id = ${uuid(id)}`, flavour);
  await client.execute(statement, { repeatable: transactionId === undefined, transactionId });
}

/** By their key, one after the other: a look at the time of each would wait for those that somebody has locked. */
async function removeOld(client: DataApiClient, flavour: Flavour): Promise<void> {
  const old = statementOf(
    sql`select distinct ${flavour.dialect.cast(sql`request_id`, "text")} as id from dl_staged_requests
      where created_at < ${nowOf(flavour)} - ${DAY_MS} limit 100`,
    flavour,
  );
  for (const [id] of (await client.execute(old, { repeatable: true })).records) {
    if (id?.stringValue !== undefined) await removeParts(client, flavour, id.stringValue);
  }
}

function partsOf(body: string): readonly string[] {
  const parts: string[] = [];
  for (let start = 0; start < body.length; ) {
    let end = Math.min(body.length, start + PART_CHARACTERS);
    while (notationBytes(body.slice(start, end)) > PART_BYTES) end = start + Math.ceil((end - start) / 2);
    // The two halves of a character beyond 16 bits stay together.
    if (end < body.length && /[\uD800-\uDBFF]/.test(body[end - 1] ?? "")) end -= 1;
    parts.push(body.slice(start, end));
    start = end;
  }
  return parts;
}

function notationBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

/** By the clock of the database: those of the processes differ. */
function nowOf({ dialect }: Flavour): Sql | number {
  return dialect.now ?? Date.now();
}
