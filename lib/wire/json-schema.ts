/** JSON Schema of a contract, for the OpenAPI document and for bounds: what zod derives, or what the contract shows instead. */

import * as z from "zod";

export type JsonSchema = { readonly [keyword: string]: unknown };

/** What contracts say of how they are shown (contracts/values.ts). */
interface Shown {
  readonly shown?: object;
  readonly shownLike?: () => z.ZodType;
}

export interface Derived {
  readonly schema: JsonSchema;
  /** Named schemas that it refers to as `#/components/schemas/…`. */
  readonly components: Readonly<Record<string, JsonSchema>>;
}

/**
 * @param of what the text of a request may be, or what an answer is
 */
export function jsonSchemaOf(contract: z.ZodType, of: "request" | "answer"): Derived {
  // As a member, so that a contract with a name becomes a reference as well.
  /** A schema that stands for another. */
  const like = ({ shownLike }: Shown): object | undefined => {
    if (shownLike === undefined) return undefined;
    const derived = jsonSchemaOf(shownLike(), of);
    Object.assign(nested, derived.components);
    return derived.schema;
  };
  const nested: Record<string, JsonSchema> = {};
  const whole = z.toJSONSchema(z.object({ it: contract.optional() }), {
    io: of === "request" ? "input" : "output",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      const { shown = like(jsonSchema as Shown) } = jsonSchema as Shown;
      if (shown === undefined) return;
      const { description, ...rest } = jsonSchema as Record<string, unknown>;
      for (const key of Object.keys(rest)) delete (jsonSchema as Record<string, unknown>)[key];
      Object.assign(jsonSchema, shown, description === undefined ? {} : { description });
    },
  });
  const { it } = whole.properties as { it: JsonSchema };
  const components = Object.entries(whole.$defs ?? {}).map(([name, schema]) => {
    const { id: _id, ...rest } = schema as JsonSchema;
    return [name, referring(rest) as JsonSchema];
  });
  return { schema: referring(it) as JsonSchema, components: { ...nested, ...Object.fromEntries(components) } };
}

/** With references into the OpenAPI document, and with bounds of 64 bits in all digits (zod's own copy would round them). */
function referring(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(referring);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === "$ref") return [key, String(item).replace("#/$defs/", "#/components/schemas/")];
      const isBound = (key === "minimum" || key === "maximum") && typeof item === "string";
      return [key, isBound ? BigInt(item) : referring(item)];
    }),
  );
}
