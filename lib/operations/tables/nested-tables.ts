/** Tables within each other, as older releases let them be made: they work on, and their operator is told. */

import type { Catalog } from "../../ports.ts";

/** Pairs that are named; the first is enough to look. */
const NAMED = 20;

export const NESTED_HINT =
  "VACUUM of the outer one by Spark or delta-rs deletes the files of the inner one: run none, and move the inner one " +
  "(docs/api.md, Places of tables).";

/** One sentence a pair. */
export async function nestedTables(catalog: Catalog): Promise<readonly string[]> {
  const pairs = await catalog.nestedTables(NAMED);
  return pairs.map(
    ({ outer, inner }) =>
      `the table ${inner.name}, at ${inner.location}, lies within ${outer.name}, at ${outer.location}`,
  );
}
