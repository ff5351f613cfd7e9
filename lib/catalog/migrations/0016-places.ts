/** Tables that move to another place: where they were. */

import type { TableSpec } from "./ddl.ts";

export const TABLE_PLACES: TableSpec = {
  name: "dl_table_places",
  comment: "Former places of tables; the present one is in dl_tables.",
  backup: "changes",
  columns: [
    { name: "table_id", type: "uuid", comment: "Table, as in dl_tables." },
    { name: "change", type: "int64", comment: "The identity_changes by which the table left the place." },
    { name: "location", type: "name", comment: "The former root, as in dl_tables." },
    { name: "valid_from", type: "int64", comment: "Since when the table was there, in milliseconds." },
    { name: "valid_until", type: "int64", comment: "When it moved, in milliseconds." },
  ],
  primaryKey: ["table_id", "change"],
  indexes: [{ name: "dl_table_places_location", columns: ["location"], comment: "Who was at a place." }],
};
