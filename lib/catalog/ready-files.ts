/** Batches of an import made ready for SQL away from the database: rows with their hashes, as the bytes that COPY takes. */

import type { ImportBatch, ImportPosition, ReadyFiles } from "../ports.ts";
import { copyText } from "./engines/postgres/insert-rows.ts";
import { filesAlone } from "./import-files.ts";
import { requestsOf } from "./import-requests.ts";
import { FILE_COLUMNS } from "./rows/add.ts";

/**
 * @returns how far the import is with them, and the files where the batches bring nothing else: others go into SQL as they are
 * @throws LakeError as the import of the batches does
 */
export function readyFiles(
  tableId: string,
  batches: readonly ImportBatch[],
  at: ImportPosition,
): { readonly next: ImportPosition; readonly files?: ReadyFiles } {
  const { requests, next } = requestsOf(tableId, batches, at);
  const files = filesAlone(requests);
  if (files === undefined) return { next };
  return { next, files: { ...files, rows: [...copyText(FILE_COLUMNS, files.rows)].map(own) } };
}

/** A buffer by itself, which can be handed on: Node cuts short ones out of one that is everybody's. */
function own(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = chunk;
  return buffer instanceof ArrayBuffer && byteLength === buffer.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(chunk);
}
