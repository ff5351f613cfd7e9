/** Wire contract of errors: RFC 9457 problem details. */

import type { Responses } from "./responses.ts";
import { uuid, version, z } from "./values.ts";

const conflict = z.object({
  tableId: uuid,
  table: z.string(),
  code: z.string().meta({ description: "Delta's error class", examples: ["DELTA_CONCURRENT_APPEND"] }),
  version: version.meta({ description: "The version that won", examples: [43] }),
  readVersion: version,
  message: z.string(),
  path: z.string().optional(),
});

export const problem = z
  .looseObject({
    type: z.string().meta({ examples: ["urn:deltalakedb:problem:INVALID_REQUEST"] }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: "For machines; Delta's own error class where it has one" }),
    pointer: z
      .string()
      .optional()
      .meta({ description: "JSON pointer to the culprit", examples: ["/tables/0/actions/3/add/size"] }),
    hint: z.string().optional().meta({ description: "What can be done about it" }),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    conflicts: z.array(conflict).optional(),
    renamedTo: z.string().optional().meta({ description: "Of a former name: the name that the table has now" }),
    droppedAt: z.int().optional().meta({ description: "Of a dropped table: when, in milliseconds" }),
    undropUntil: z.int().optional().meta({ description: "Until when it can come back; absent when it cannot" }),
    omitted: z.int().optional().meta({ description: "Items and members that were left out, as they were too many" }),
    incident: z.string().optional().meta({ description: "To be found in the server's log" }),
  })
  .meta({ id: "Problem" });

const DESCRIPTIONS = {
  400: "The request is not valid: `pointer` says where.",
  401: "The server asks who you are: `WWW-Authenticate` says how to prove it.",
  403: "Who you are, you may not do this; or the page of another site has sent it.",
  404: "What was named does not exist.",
  405: "The route does not take this method: `Allow` says which.",
  406: "None of the media types that are accepted is given.",
  409: "Another commit won, or a name or location is taken. Nothing was written.",
  413: "The body is too large.",
  415: "The body is not JSON.",
  421: "The server is not known by the name in `Host`.",
  422: "This transactionId was used for a different request.",
  500: "A defect, or damaged data. `incident` names the entry in the server's log.",
  503: "Try again after `Retry-After` seconds.",
} as const;

type ProblemStatus = keyof typeof DESCRIPTIONS;

function example(status: ProblemStatus, code: string, title: string, detail: string, more: object = {}) {
  return { type: `urn:deltalakedb:problem:${code}`, title, status, detail, code, ...more };
}

const TABLE_ID = "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f";
const APPENDED = "another commit added files that this one has read";

const EXAMPLES: Readonly<Record<ProblemStatus, unknown>> = {
  400: example(400, "INVALID_REQUEST", "The request is not valid", 'expected a 64-bit integer, got "12"', {
    pointer: "/tables/0/actions/3/add/size",
  }),
  401: example(401, "UNAUTHENTICATED", "Not authenticated", "this request does not say who makes it", {
    hint: "Send Authorization: Bearer with an API key or a token.",
  }),
  403: example(403, "ACCESS_DENIED", "Not allowed", "user:reports may read, and this request writes"),
  404: example(404, "TABLE_NOT_FOUND", "Not found", 'there is no table "sales.orders"'),
  405: example(405, "METHOD_NOT_ALLOWED", "Method not allowed", "/v1/tables does not take PUT", {
    hint: "It takes GET, HEAD, POST.",
  }),
  406: example(406, "NOT_ACCEPTABLE", "Not acceptable", "there is no answer of the type text/html", {
    hint: "Accept application/json.",
  }),
  409: example(
    409,
    "DELTA_CONCURRENT_APPEND",
    "Another commit won",
    `sales.orders: ${APPENDED} (part-1.parquet); version 43 won, you had read version 42`,
    {
      conflicts: [
        {
          tableId: TABLE_ID,
          table: "sales.orders",
          code: "DELTA_CONCURRENT_APPEND",
          version: 43,
          readVersion: 42,
          message: APPENDED,
          path: "part-1.parquet",
        },
      ],
    },
  ),
  413: example(413, "BODY_TOO_LARGE", "The body is too large", "the body is larger than 67108864 bytes", {
    limitBytes: 67108864,
  }),
  415: example(
    415,
    "UNSUPPORTED_MEDIA_TYPE",
    "Unsupported media type",
    "the media type text/plain is not understood here",
    {
      hint: "Send JSON with Content-Type: application/json.",
    },
  ),
  421: example(421, "HOST_NOT_ALLOWED", "Misdirected request", "this server is not known by this name"),
  422: example(422, "IDEMPOTENCY_KEY_REUSED", "The transactionId was used before", "it was used for another request"),
  500: example(500, "INTERNAL", "Internal error", "something went wrong on our side", { incident: TABLE_ID }),
  503: example(503, "UNAVAILABLE", "Not available now", "the database is busy"),
};

/** The error answers of a route; any may turn away who asks, not have the media type that is asked for, be broken, or be away. */
export function problems(...statuses: readonly ProblemStatus[]): Responses {
  const all = [...statuses, 401, 403, 406, 421, 500, 503] as const;
  return Object.fromEntries(
    all.map((status) => {
      const media = { schema: problem, example: EXAMPLES[status] };
      return [status, { description: DESCRIPTIONS[status], content: { "application/problem+json": media } }];
    }),
  );
}
