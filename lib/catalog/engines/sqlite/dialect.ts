/** What is particular to SQLite, as data. */

import { type Dialect, raw } from "../../database.ts";

export const SQLITE: Dialect = {
  name: "sqlite",
  columnTypes: {
    uuid: "TEXT",
    text: "TEXT",
    name: "TEXT",
    int64: "INTEGER",
    int32: "INTEGER",
    boolean: "INTEGER",
    key: "BLOB",
  },
  comments: "inline",
  tableOptions: ({ clustered }) => (clustered ? " strict, without rowid" : " strict"),
  useIndex: (name) => raw(`indexed by ${name}`),
  // BEGIN IMMEDIATE excludes every other writer.
  lock: undefined,
  functions: undefined,
};
