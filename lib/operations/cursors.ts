/**
 * Cursors of lists that clients page through. Each names its list and what the list began with, so that all pages show one
 * state, and a cursor of another list is refused.
 */

import { TEXT } from "../delta/limits.ts";
import { invalid } from "../errors.ts";
import type { ActionPlace } from "../ports.ts";

/** The lists of one version of a table. */
export type VersionList = "files" | "actions" | "txns" | "domains" | "plan";

/** Where such a list goes on: in a table, at the version that the first page showed. */
export interface VersionCursor {
  readonly tableId: string;
  readonly version: number;
  /** The catalog's own cursor. */
  readonly place: string;
}

const CURSOR = /^([a-z]+)\.([0-9a-f-]{36})\.(\d{1,16})\.([A-Za-z0-9_.-]+)$/;
const TABLES = /^tables\.([^ ]{0,255})\.\.([^ ]{1,255})$/;

export function writeCursor(list: VersionList, { tableId, version, place }: VersionCursor): string {
  return `${list}.${tableId}.${version}.${place}`;
}

/** @throws LakeError invalid for what is no cursor of this list */
export function readCursor(list: VersionList, cursor: string): VersionCursor {
  const [, of, tableId, version, place] = (cursor.length <= TEXT.cursor && CURSOR.exec(cursor)) || [];
  if (of !== list || tableId === undefined || version === undefined || place === undefined) throw foreignCursor(cursor);
  return { tableId, version: Number(version), place };
}

/** A key of any letters as the place of a cursor. */
export function writeKey(key: string): string {
  return Buffer.from(key).toString("base64url");
}

export function readKey(place: string): string {
  return Buffer.from(place, "base64url").toString();
}

/** The place of an action within its version. */
export function writeActionPlace({ kind, ord }: ActionPlace): string {
  return `${kind}.${ord}`;
}

/** @throws LakeError invalid */
export function readActionPlace(cursor: string, place: string): ActionPlace {
  const [, kind, ord] = /^(\d)\.(\d{1,10})$/.exec(place) ?? [];
  if (kind === undefined || ord === undefined) throw foreignCursor(cursor);
  return { kind: Number(kind), ord: Number(ord) };
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
  const [, namespace, place] = (cursor.length <= TEXT.cursor && TABLES.exec(cursor)) || [];
  if (namespace === undefined || place === undefined) throw foreignCursor(cursor);
  return { namespace, place };
}

const NAMESPACES = /^namespaces\.([^ ]{1,255})$/;

export function writeNamespacesCursor(namespace: string): string {
  return `namespaces.${namespace}`;
}

/** @throws LakeError invalid for what is no cursor of a list of namespaces */
export function readNamespacesCursor(cursor: string): string {
  const [, namespace] = NAMESPACES.exec(cursor) ?? [];
  if (namespace === undefined) throw foreignCursor(cursor);
  return namespace;
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
