/**
 * Cursors of lists that clients page through. Each names its list and what the list began with, so that all pages show one
 * state, and a cursor of another list is refused.
 */

import { invalid } from "../errors.ts";

/** Where a list of files goes on: in a table, at the version that the first page showed. */
export interface FilesCursor {
  readonly tableId: string;
  readonly version: number;
  /** The catalog's own cursor. */
  readonly place: string;
}

const FILES = /^files\.([0-9a-f-]{36})\.(\d{1,16})\.(\S{1,60})$/;
const TABLES = /^tables\.([^ ]{0,255})\.\.([^ ]{1,255})$/;

export function writeFilesCursor({ tableId, version, place }: FilesCursor): string {
  return `files.${tableId}.${version}.${place}`;
}

/** @throws LakeError invalid for what is no cursor of a list of files */
export function readFilesCursor(cursor: string): FilesCursor {
  const [, tableId, version, place] = (cursor.length <= 100 && FILES.exec(cursor)) || [];
  if (tableId === undefined || version === undefined || place === undefined) throw foreignCursor(cursor);
  return { tableId, version: Number(version), place };
}

/** Where a list of tables goes on: after a name, within a namespace (empty: all). */
export interface TablesCursor {
  readonly namespace: string;
  readonly place: string;
}

export function writeTablesCursor({ namespace, place }: TablesCursor): string {
  return `tables.${namespace}..${place}`;
}

/** @throws LakeError invalid for what is no cursor of a list of tables */
export function readTablesCursor(cursor: string): TablesCursor {
  const [, namespace, place] = (cursor.length <= 600 && TABLES.exec(cursor)) || [];
  if (namespace === undefined || place === undefined) throw foreignCursor(cursor);
  return { namespace, place };
}

/** The refusal of a cursor that belongs to another list. */
export function foreignCursor(cursor: string): Error {
  const shown = cursor.length > 80 ? `${cursor.slice(0, 80)}…` : cursor;
  return invalid(`"${shown}" is not a cursor of this list`, {
    at: "/cursor",
    code: "INVALID_CURSOR",
    hint: 'Pass back "next" of the page before, with the other parameters unchanged.',
  });
}
