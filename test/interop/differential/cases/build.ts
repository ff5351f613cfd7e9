/** Small builders that the lists of cases share. */

import type { JsonObject } from "../../../../lib/delta/values/json.ts";
import type { Row } from "../../support/engines.ts";
import type { Case, Field, Sent, Standing, StoredFile } from "../case.ts";

export type Fields = readonly Field[];

/** A column that old files do not have. */
export const nullIn = (column: string) => (row: Row) => ({ ...row, [column]: null });
export const without = (column: string) => (row: Row) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name !== column));
export const renamed = (from: string, to: string) => (row: Row) => ({ ...without(from)(row), [to]: row[from] });

/** The same change of properties on create and as a new metaData. */
export function properties(
  kind: string,
  base: string,
  change: Readonly<Record<string, string>>,
  name?: string,
): Case[] {
  const text = name ?? JSON.stringify(change);
  return [
    { kind, base, name: `${text} on create`, create: (body) => withProperties(body, change) },
    {
      kind,
      base,
      name: `${text} on a table with files`,
      commit: (table) => ({ actions: [newMetaData(table, change)] }),
    },
  ];
}

function withProperties(body: JsonObject, change: Readonly<Record<string, string>>): JsonObject {
  return { ...body, configuration: { ...(body.configuration as JsonObject), ...change } };
}

/** The table's metaData with other properties; `null` takes one away. */
export function newMetaData(
  table: Standing,
  change: Readonly<Record<string, string | null>>,
  more: JsonObject = {},
): JsonObject {
  const configuration = { ...(table.metaData.configuration as JsonObject), ...change };
  const kept = Object.fromEntries(Object.entries(configuration).filter(([, value]) => value !== null));
  return { metaData: { ...table.metaData, configuration: kept, ...more } };
}

export function schemaOf(table: Standing): { readonly type: "struct"; readonly fields: Fields } {
  return JSON.parse(String(table.metaData.schemaString));
}

/** A metaData with other columns. */
export function newFields(
  table: Standing,
  change: (fields: Fields) => readonly unknown[],
  configuration: Readonly<Record<string, string | null>> = {},
): JsonObject {
  const schemaString = JSON.stringify({ type: "struct", fields: change(schemaOf(table).fields) });
  return newMetaData(table, configuration, { schemaString });
}

/** An append of a good file, after something has been done to its add action. */
export function adding(
  table: Standing,
  change: (add: JsonObject) => JsonObject,
  rows: (file: StoredFile) => StoredFile["rows"] = (file) => file.rows,
): Sent {
  const file = table.next();
  return { actions: [{ add: change(file.add) }], added: rows(file) };
}

/** The statistics of an add, changed. */
export function withStats(add: JsonObject, change: (stats: JsonObject) => unknown): JsonObject {
  return { ...add, stats: JSON.stringify(change(JSON.parse(String(add.stats)))) };
}

/** A protocol like the table's with more features. */
export function newProtocol(table: Standing, writer: readonly string[], reader: readonly string[] = []): JsonObject {
  const { minReaderVersion, readerFeatures, writerFeatures } = table.protocol as Record<string, unknown>;
  const readers = [...new Set([...((readerFeatures as string[]) ?? []), ...reader])].sort();
  const writers = [...new Set([...((writerFeatures as string[]) ?? []), ...writer, ...reader])].sort();
  if (readers.length === 0)
    return { protocol: { minReaderVersion, minWriterVersion: 7, writerFeatures: writers } } as JsonObject;
  return { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: readers, writerFeatures: writers } };
}
