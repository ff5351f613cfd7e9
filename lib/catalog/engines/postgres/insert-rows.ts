/** Many rows at once, given by the names of their columns: as one JSON text, where there is nothing better, or by COPY. */

import type pg from "pg";
import { stringifyJson } from "../../../delta/values/json.ts";
import { type RowGroup, raw, type SqlTransaction, type SqlValue, sql } from "../../database.ts";

type NamedRow = Readonly<Record<string, SqlValue | undefined>>;

/** What is NULL may be left out of a row. */
export async function insertAsJson(
  tx: SqlTransaction,
  table: string,
  columns: readonly string[],
  rows: readonly NamedRow[],
): Promise<void> {
  const list = columns.join(", ");
  const of = columns.map((column) => `r.${column}`).join(", ");
  await tx.write(sql`
    insert into ${raw(table)} (${raw(list)})
    select ${raw(of)} from json_populate_recordset(null::${raw(table)}, cast(${stringifyJson(rows)} as json)) r`);
}

/** Characters. A text that is put together from thousands of pieces is quick to encode while they are still in the cache. */
const CHUNK = 2 ** 16;

/**
 * The text form of COPY: https://www.postgresql.org/docs/current/sql-copy.html
 * @param columns after those that the rows of a group have in common
 */
export function* copyText(columns: readonly string[], groups: readonly RowGroup[]): Generator<Uint8Array> {
  let text = "";
  for (const { common, rows } of groups) {
    const front = Object.values(common)
      .map((value) => `${copyValue(value)}\t`)
      .join("");
    for (const row of rows) {
      text += front;
      for (let i = 0; i < columns.length; i += 1) {
        if (i > 0) text += "\t";
        text += copyValue(row[columns[i] as string]);
      }
      text += "\n";
      if (text.length < CHUNK) continue;
      yield Buffer.from(text);
      text = "";
    }
  }
  if (text !== "") yield Buffer.from(text);
}

function copyValue(value: SqlValue | undefined): SqlValue {
  if (value === undefined || value === null) return "\\N";
  return typeof value === "string" && ESCAPED.test(value) ? value.replace(ESCAPES, escaped) : value;
}

const ESCAPED = /[\\\n\r\t]/;
const ESCAPES = /[\\\n\r\t]/g;
const NAMES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const escaped = (character: string): string => NAMES[character] ?? character;

/** What pg says and hears while rows go to the server; its types leave it out. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
}

/**
 * A statement of the client's own kind that sends rows. The client calls its `handle…` methods; by `callback` its time limit ends with it.
 * @param limitMs to wait for the server; the connection's own limit if absent
 */
export function copyRows(
  client: pg.ClientBase,
  statement: string,
  chunks: readonly Uint8Array[],
  limitMs?: number,
): Promise<void> {
  return new Promise((done, failed) => {
    let failure: unknown;
    const query = {
      ...(limitMs === undefined ? {} : { query_timeout: limitMs }),
      callback(error: unknown) {
        if (error) failed(error);
        else done();
      },
      submit(connection: unknown) {
        (connection as CopyConnection).query(statement);
      },
      handleCopyInResponse(connection: CopyConnection) {
        for (const chunk of chunks) connection.sendCopyFromChunk(chunk);
        connection.endCopyFrom();
      },
      handleCommandComplete() {},
      handleError(error: unknown) {
        failure = error;
        query.callback(error);
      },
      handleReadyForQuery() {
        query.callback(failure);
      },
    };
    client.query(query);
  });
}
