/** The sizes at which the Data API refuses to answer. */

import { stringifyJson } from "../../../lib/delta/values/json.ts";
import { DataApiError } from "./errors.ts";

const MAX_ROW_BYTES = 64 * 1024;
const MAX_RESPONSE_BYTES = 1024 * 1024;

/** @throws DataApiError; then the transaction is lost, too */
export function requireSmallRows(records: readonly (readonly unknown[])[]): void {
  if (records.every((record) => Buffer.byteLength(stringifyJson(record)) <= MAX_ROW_BYTES)) return;
  throw new DataApiError("DatabaseErrorException", "Database returned a row that is larger than the allowed 64 KB");
}

/** @throws DataApiError */
export function bodyOf(answer: unknown): string {
  const body = stringifyJson(answer);
  if (Buffer.byteLength(body) > MAX_RESPONSE_BYTES) {
    throw new DataApiError("DatabaseErrorException", "Database returned more than the allowed response size limit");
  }
  return body;
}
