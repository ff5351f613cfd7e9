/** Room for requests that are too large for one call of the RDS Data API: they arrive in parts and are committed in one call. */

import type { TableSpec } from "./ddl.ts";

export const STAGED_REQUESTS: TableSpec = {
  name: "dl_staged_requests",
  comment:
    "Parts of requests larger than one call of the RDS Data API, until they are committed. On PostgreSQL only; no part of the lake.",
  backup: "none",
  columns: [
    { name: "request_id", type: "uuid", comment: "The request." },
    { name: "part", type: "int32", comment: "Place of this part, from 0." },
    { name: "body", type: "text", comment: "Text of this part." },
    { name: "created_at", type: "int64", comment: "When it arrived; a part that is a day old was left behind." },
  ],
  primaryKey: ["request_id", "part"],
  isOn: ({ name, locks }) => name === "postgres" || locks === "rows",
};
