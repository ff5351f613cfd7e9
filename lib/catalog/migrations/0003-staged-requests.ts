/** Requests that are too large for one call of the Data API wait here in parts. Only PostgreSQL has them. */

import type { TableSpec } from "./ddl.ts";

export const STAGED_REQUESTS: TableSpec = {
  name: "dl_staged_requests",
  comment:
    "Parts of requests too large for one call of the RDS Data API, on PostgreSQL alone. Gone once the request was answered, or after a day.",
  columns: [
    { name: "request_id", type: "uuid", comment: "Made for each request." },
    { name: "part", type: "int32", comment: "Place within the request, from 0." },
    { name: "body", type: "text", comment: "Text of the part." },
    { name: "created_at", type: "int64", comment: "When it came, by the clock of the database, in milliseconds." },
  ],
  primaryKey: ["request_id", "part"],
  indexes: [{ name: "dl_staged_requests_created", columns: ["created_at"], comment: "What is left over." }],
};
