/** Wire contracts of single values: ids, names, versions, timestamps, limits. Shared by all routes and by the CLI. */

import { z } from "@hono/zod-openapi";
import { UUID } from "../table-ref.ts";
import { parseTimestamp, TIMESTAMP_WANTED } from "../timestamp.ts";

export { z };

/** Any UUID, whatever its version; compared in lower case. */
export const uuid = z
  .string()
  .regex(UUID, "a UUID")
  .toLowerCase()
  .openapi({ type: "string", format: "uuid", example: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f" });

export const tableName = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/, 'a table name such as "sales.orders"')
  .max(255)
  .openapi({ description: "namespace.name, of letters, digits, _ and -", example: "sales.orders" });

export const version = z.int().min(0).openapi({ description: "A version of a table", example: 42 });

/** A 64-bit integer: a JSON number with all its digits. */
export const int64 = z.union([z.int(), z.bigint()]).openapi({ type: "integer", format: "int64", example: 1048576 });

export const millis = z
  .int()
  .openapi({ type: "integer", format: "int64", description: "Milliseconds since the epoch", example: 1767225600000 });

/** In requests: milliseconds, or ISO 8601 with a time zone. */
export const timestamp = z
  .union([z.int().min(0), z.string()])
  .transform((value, context) => {
    const millis = typeof value === "number" ? value : parseTimestamp(value);
    if (millis === undefined) context.addIssue({ code: "custom", message: TIMESTAMP_WANTED });
    return millis ?? 0;
  })
  .openapi({
    anyOf: [
      { type: "integer", format: "int64" },
      { type: "string", format: "date-time" },
    ],
    description: "Milliseconds since the epoch, or ISO 8601 with a time zone",
    example: "2026-01-01T00:00:00Z",
  });

/** A non-negative integer in a query string. */
export function queryInteger(options: { readonly min: number; readonly max?: number; readonly description: string }) {
  const { min, max = Number.MAX_SAFE_INTEGER, description } = options;
  return z
    .string()
    .regex(/^-?\d{1,16}$/, "an integer")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .openapi({
      param: { description },
      type: "integer",
      minimum: min,
      ...(options.max === undefined ? {} : { maximum: max }),
    });
}

export const PAGE_DEFAULT = 1000;
export const PAGE_MAX = 10_000;

export const pageLimit = (what: string) =>
  queryInteger({
    min: 1,
    max: PAGE_MAX,
    description: `At most so many ${what} in the answer; ${PAGE_DEFAULT} if absent`,
  }).optional();

export const cursor = z
  .string()
  .min(1)
  .optional()
  .openapi({ param: { description: "`next` of the page before" } });

export const next = z.string().optional().openapi({ description: "Cursor of the next page; absent on the last" });

/** Path parameters of the routes of one table: its id, or its name. */
export const tableParams = z.object({
  tableId: z
    .string()
    .refine((text) => UUID.test(text) || text.includes("."), "expected the UUID of a table, or namespace.name")
    .openapi({
      param: { name: "tableId", in: "path", description: "UUID of the table; its name (namespace.name) does, too" },
      example: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f",
    }),
});

/** How request bodies name a table: exactly one of the two. */
export const tableRefShape = {
  tableId: uuid.optional(),
  table: tableName.optional(),
};
