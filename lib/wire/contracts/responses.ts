/** What a route answers, by status: a description, and per media type a contract with an example. */

import { shownAs, z } from "./values.ts";

export interface Media {
  readonly schema: z.ZodType;
  readonly example?: unknown;
}

export interface ResponseContract {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: object }>>;
  readonly content?: Readonly<Record<string, Media>>;
}

export type Responses = Readonly<Record<string, ResponseContract>>;

/** An answer that is no text. */
export function binary(description: string): z.ZodType {
  return shownAs(z.unknown(), { type: "string", format: "binary", description });
}

/** An answer in JSON. */
export function answers(description: string, schema: z.ZodType, example: unknown): ResponseContract {
  return { description, content: { "application/json": { schema, example } } };
}
