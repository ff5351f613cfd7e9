/** Wire contracts of single values: ids, names, versions, timestamps, limits. Shared by all routes. */

import * as z from "zod";
import { TEXT } from "../../delta/limits.ts";
import { isRawNumber } from "../../delta/values/json.ts";
import { UUID } from "../table-ref.ts";
import { ISO_8601, MAX_TIMESTAMP, parseTimestamp, TIMESTAMP_LENGTH, TIMESTAMP_WANTED } from "../timestamp.ts";

export { z };

/** What the OpenAPI document says of a schema in place of what would be derived from it. A bound as text keeps its digits. */
export function shownAs<T extends z.ZodType>(schema: T, shown: object): T {
  return schema.meta({ shown });
}

/** Any text up to a length. */
export const text = (max: number, min = 0) => z.string().min(min).max(max);

/** Any UUID, whatever its version; compared in lower case. */
export const uuid = z
  .string()
  .max(36)
  .regex(UUID, "a UUID")
  .toLowerCase()
  .meta({ format: "uuid", examples: ["4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f"] });

const TABLE_NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/;

export function isTableName(name: string): boolean {
  return name.length <= TEXT.name && TABLE_NAME.test(name);
}

export const tableName = z
  .string()
  .max(TEXT.name)
  .regex(TABLE_NAME, 'a table name such as "sales.orders"')
  .meta({ description: "namespace.name, of letters, digits, _ and -", examples: ["sales.orders"] });

export const version = z
  .int()
  .min(0)
  .meta({ format: "int64", description: "A version of a table", examples: [42] });

export const count = z.int().min(0).meta({ format: "int64" });

/** A 64-bit integer: a JSON number with all its digits. */
export const int64 = shownAs(z.union([z.int(), z.bigint()]), {
  type: "integer",
  format: "int64",
  minimum: String(-(2n ** 63n)),
  maximum: String(2n ** 63n - 1n),
});

/** One that is not negative. */
export const size64 = shownAs(z.union([z.int(), z.bigint()]), {
  type: "integer",
  format: "int64",
  minimum: 0,
  maximum: String(2n ** 63n - 1n),
});

export const millis = z
  .int()
  .meta({ format: "int64", description: "Milliseconds since the epoch", examples: [1767225600000] });

const isoText = {
  type: "string",
  format: "date-time",
  pattern: ISO_8601.source,
  maxLength: TIMESTAMP_LENGTH,
};
const ABOUT_TIMESTAMP =
  "Milliseconds since the epoch, or ISO 8601 with a time zone. It means the newest version that is not after it";

function millisOf(value: unknown): number | undefined {
  if (typeof value === "string") return value.length > TIMESTAMP_LENGTH ? undefined : parseTimestamp(value);
  return Number.isSafeInteger(value) ? parseTimestamp(String(value)) : undefined;
}

/** In requests: milliseconds, or ISO 8601 with a time zone. */
export const timestamp = shownAs(
  z.unknown().transform((value, context): number => {
    const millis = millisOf(value);
    if (millis === undefined) context.addIssue({ code: "custom", message: TIMESTAMP_WANTED });
    return millis ?? 0;
  }),
  {
    anyOf: [{ type: "integer", format: "int64", minimum: 0, maximum: MAX_TIMESTAMP }, isoText],
    description: ABOUT_TIMESTAMP,
    examples: ["2026-01-01T00:00:00Z"],
  },
);

/** A list whose length is checked before its items are. */
export function list<T extends z.ZodType>(item: T, bounds: { readonly min?: number; readonly max: number }) {
  const { min = 0, max } = bounds;
  const any = z.array(z.unknown()).min(min).max(max);
  return any.pipe(z.array(item)).meta({ shownLike: () => z.array(item).min(min).max(max) });
}

/** An integer in a request; JSON may write it as `1.0`, too. */
export function integer(min: number, shown: object, max = Number.MAX_SAFE_INTEGER) {
  const plain = (value: unknown) => {
    const number = isRawNumber(value) ? Number(value.rawJSON) : undefined;
    return Number.isSafeInteger(number) ? number : value;
  };
  const schema = z.preprocess(plain, z.int().min(min).max(max));
  return shownAs(schema, { type: "integer", format: "int64", minimum: min, maximum: max, ...shown });
}

/** Texts by name. Every name survives, also those that JavaScript finds special: nothing is copied. */
export function textMap(bounds: { readonly names: number; readonly values: number; readonly entries: number }) {
  const { names, values, entries } = bounds;
  const schema = z.unknown().transform((value, context): Record<string, string> => {
    const refuse = (message: string, path: readonly PropertyKey[] = []) =>
      context.addIssue({ code: "custom", message, path: [...path], input: value });
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      refuse("expected an object of texts");
      return {};
    }
    const pairs = Object.entries(value);
    if (pairs.length > entries) refuse(`expected at most ${entries} members, got ${pairs.length}`);
    else
      for (const [name, item] of pairs) {
        if (name.length > names) refuse(`expected a name of at most ${names} characters`, [name]);
        if (typeof item !== "string") refuse("expected a string", [name]);
        else if (item.length > values) refuse(`expected at most ${values} characters`, [name]);
      }
    return value as Record<string, string>;
  });
  return shownAs(schema, {
    type: "object",
    maxProperties: entries,
    propertyNames: { type: "string", maxLength: names },
    additionalProperties: { type: "string", maxLength: values },
  });
}

/** An integer in a query string. */
export function queryInteger(options: { readonly min: number; readonly max?: number; readonly description: string }) {
  const { min, max = Number.MAX_SAFE_INTEGER, description } = options;
  const schema = z
    .string()
    .regex(/^-?\d{1,19}$/, "an integer")
    .transform((digits, context) => {
      // Compared and shown as it was given: as a number it may be another.
      const given = BigInt(digits);
      if (given < min) context.addIssue({ code: "custom", message: `expected at least ${min}, got ${digits}` });
      if (given > max) context.addIssue({ code: "custom", message: `expected at most ${max}, got ${digits}` });
      return Number(given);
    });
  return shownAs(schema, { type: "integer", format: "int64", minimum: min, maximum: max, description });
}

export const PAGE_DEFAULT = 1000;
export const PAGE_MAX = 10_000;

export const pageLimit = (what: string) =>
  queryInteger({
    min: 1,
    max: PAGE_MAX,
    description: `At most so many ${what} in the answer; ${PAGE_DEFAULT} if absent, or what the server is set to`,
  }).optional();

export const cursor = text(TEXT.cursor, 1).optional().meta({ description: "`next` of the page before" });

export const next = z.string().optional().meta({ description: "Cursor of the next page; absent on the last" });

/** A table in a path: its id, or its name. */
const tableInPath = shownAs(
  z
    .string()
    .max(TEXT.name)
    .refine((given) => UUID.test(given) || TABLE_NAME.test(given), "expected the UUID of a table, or namespace.name"),
  {
    anyOf: [
      { type: "string", format: "uuid", pattern: UUID.source, maxLength: 36 },
      { type: "string", pattern: TABLE_NAME.source, maxLength: TEXT.name },
    ],
    description: "UUID of the table; its name (namespace.name) does, too",
    examples: ["4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f"],
  },
);

/** Path parameters of the routes of one table. */
export const tableParams = z.object({ tableId: tableInPath });

/** How request bodies name a table: exactly one of the two. */
export const tableRefShape = {
  tableId: uuid.optional(),
  table: tableName.optional(),
};
/** Goes with {@link tableRefShape} into the document; the server's own check says more (refOf). */
export const ONE_OF_TWO = { oneOf: [{ required: ["tableId"] }, { required: ["table"] }] };
