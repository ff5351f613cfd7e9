/** Wire contract of errors: RFC 9457 problem details. */

import type { RouteConfig } from "@hono/zod-openapi";
import { uuid, version, z } from "./values.ts";

const conflict = z.object({
  tableId: uuid,
  table: z.string(),
  code: z.string().openapi({ description: "Delta's error class", example: "DELTA_CONCURRENT_APPEND" }),
  version: version.openapi({ description: "The version that won", example: 43 }),
  readVersion: version,
  message: z.string(),
  path: z.string().optional(),
});

export const problem = z
  .looseObject({
    type: z.string().openapi({ example: "urn:deltalakedb:problem:INVALID_REQUEST" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().openapi({ description: "For machines; Delta's own error class where it has one" }),
    pointer: z
      .string()
      .optional()
      .openapi({ description: "JSON pointer to the culprit", example: "/tables/0/actions/3/add/size" }),
    hint: z.string().optional().openapi({ description: "What can be done about it" }),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    conflicts: z.array(conflict).optional(),
    incident: z.string().optional().openapi({ description: "To be found in the server's log" }),
  })
  .openapi("Problem");

const DESCRIPTIONS = {
  400: "The request is not valid: `pointer` says where.",
  404: "What was named does not exist.",
  409: "Another commit won, or a name or location is taken. Nothing was written.",
  413: "The body is too large.",
  415: "The body is not JSON.",
  422: "This transactionId was used for a different request.",
  500: "A defect, or damaged data. `incident` names the entry in the server's log.",
  503: "Try again after `Retry-After` seconds.",
} as const;

const EXAMPLES: Partial<Record<keyof typeof DESCRIPTIONS, unknown>> = {
  400: {
    type: "urn:deltalakedb:problem:INVALID_REQUEST",
    title: "The request is not valid",
    status: 400,
    detail: 'expected a 64-bit integer, got "12"',
    code: "INVALID_REQUEST",
    pointer: "/tables/0/actions/3/add/size",
  },
  409: {
    type: "urn:deltalakedb:problem:DELTA_CONCURRENT_APPEND",
    title: "Another commit won",
    status: 409,
    detail:
      "sales.orders: another commit added files that this one read past (part-1.parquet); version 43 won, you had read version 42",
    code: "DELTA_CONCURRENT_APPEND",
    conflicts: [
      {
        tableId: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f",
        table: "sales.orders",
        code: "DELTA_CONCURRENT_APPEND",
        version: 43,
        readVersion: 42,
        message: "another commit added files that this one read past",
        path: "part-1.parquet",
      },
    ],
  },
};

/** The error answers of a route; 500 and 503 can always happen. */
export function problems(...statuses: readonly (keyof typeof DESCRIPTIONS)[]): RouteConfig["responses"] {
  const all = [...statuses, 500, 503] as const;
  return Object.fromEntries(
    all.map((status) => {
      const example = EXAMPLES[status];
      const media = { schema: problem, ...(example === undefined ? {} : { example }) };
      return [status, { description: DESCRIPTIONS[status], content: { "application/problem+json": media } }];
    }),
  );
}
