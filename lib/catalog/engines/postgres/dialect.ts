/** What is particular to PostgreSQL, as data and fragments. */

import { type Dialect, empty, sql } from "../../database.ts";

export const POSTGRES: Dialect = {
  name: "postgres",
  columnTypes: {
    uuid: "uuid",
    text: "text",
    // Bytewise order, as in every other engine, whatever the locale of the database.
    name: 'text collate "C"',
    int64: "bigint",
    int32: "integer",
    boolean: "boolean",
    key: "uuid",
  },
  comments: "statement",
  // Room for new row versions on the same page: with no index on a hot column every update of a head is HOT.
  tableOptions: ({ updatedInPlace }) => (updatedInPlace ? " with (fillfactor = 25)" : ""),
  // It has no such hints; it has the size of the tables.
  useIndex: () => empty,
  // In ascending order of keys, as dl_commit takes them: no deadlocks. As JSON, since the Data API takes no arrays.
  lock: (names) => sql`select dl_lock(array(select jsonb_array_elements_text(${JSON.stringify(names)}::jsonb)))`,
  functions: {
    commit: (request) => sql`select dl_commit(${request}) as answer`,
    importBatch: (request) => sql`select dl_import_batch(${request}) as answer`,
  },
};
