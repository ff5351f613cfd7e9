/** Commits, creates, imports and drops tables: the API's requests that write, behind API Gateway. */

import { deadlineMs } from "../lib/deadlines.ts";
import type { LambdaApi } from "../lib/http/lambda.ts";
import { containerApi } from "./container-api.ts";
import { around } from "./middleware.ts";

const api = containerApi("write");

export const handler = around(
  async (...request: Parameters<LambdaApi>) => (await api())(...request),
  deadlineMs("answer"),
);
