/**
 * Pages by bytes: a list of which each row may hold megabytes is first weighed by its keys, so that neither the database nor we
 * ever hold more than a page of it.
 */

import { type Sql, sql } from "../database.ts";
import type { Dialect } from "../dialect.ts";

/** Of a row, what its numbers take. */
const ROW_BYTES = 200;

/** SQL of the bytes of a row: engines know the lengths of texts without reading them. */
export function rowBytes(alias: string, texts: readonly string[]): string {
  return [String(ROW_BYTES), ...texts.map((column) => `coalesce(octet_length(${alias}.${column}), 0)`)].join(" + ");
}

/**
 * Common table expressions: of `listed`, which has a column `bytes`, the first rows and then `picked`, those of them before which
 * there are fewer than `maxBytes`: at least one.
 * @param order the columns of the order, descending ones with `desc`
 */
export function pickedRows({ materialized }: Dialect, listed: Sql, order: Sql, maxBytes: number): Sql {
  return sql`listed ${materialized} (${listed}),
    summed as (select listed.*, sum(bytes) over (order by ${order} rows unbounded preceding) - bytes as bytes_before from listed),
    picked as (select * from summed where bytes_before < ${maxBytes})`;
}

/** SQL of how many rows there were to choose from. */
export const LISTED = sql`(select count(*) from listed)`;
