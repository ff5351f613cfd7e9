/**
 * How long each text and list of a request may be; the OpenAPI document says the same. Larger than what any writer sends, and
 * small enough that nothing downstream is surprised. Texts are counted in UTF-16 units, as JavaScript does.
 */

export const TEXT = {
  /** Names: of tables, namespaces, features, applications, domains, columns. */
  name: 255,
  column: 1024,
  application: 1024,
  /** Linux takes paths of so many bytes, S3 keys of a quarter. */
  location: 4096,
  path: 8192,
  /** The key of an application, of up to three bytes a character, as base64, and what is around it. */
  cursor: 4300,
  /** A value of a partition, tag or property; a description. */
  value: 65_536,
  /** Whole JSON documents in a text: statistics, domains; and any text of what we do not know. */
  document: 1_048_576,
  schema: 2_097_152,
} as const;

/**
 * Bytes of one action as its line of the log: no action is larger than an answer (lib/wire/answer-size.ts), or it could be written and
 * never be read. What describes a table fits into one answer as a whole.
 */
export const ACTION_BYTES = { metadata: 3_500_000, protocol: 500_000, other: 4_000_000 } as const;

export const COUNT = {
  tables: 1000,
  /** Actions of one request, all tables together. */
  actions: 100_000,
  filesRead: 100_000,
  predicates: 1000,
  /** JSON values of all predicates of a table together. */
  predicateValues: 100_000,
  applications: 1000,
  features: 1000,
  partitionColumns: 1000,
  properties: 1000,
  columns: 10_000,
  /** Folders above a table: each is locked, together with others, while a table is made. */
  folders: 100,
  /** Tags and partition values of one file. */
  entries: 1000,
} as const;
