/** Answers the API's requests that read, behind API Gateway; its role cannot reach tables or queues. */

import { deadlineMs } from "../lib/deadlines.ts";
import type { LambdaApi } from "../lib/http/lambda.ts";
import { containerApi } from "./container-api.ts";
import { around } from "./middleware.ts";

const api = containerApi("read");

export const handler = around(
  async (...request: Parameters<LambdaApi>) => (await api())(...request),
  deadlineMs("answer"),
);
