/** The API behind API Gateway's HTTP API (payload 2.0): one app, of which each function answers only its own kind of requests. */

import { handle } from "hono/aws-lambda";
import type { App } from "./app.ts";

/** Lambda's limit of an answer is 6 MiB, as JSON in which a body may grow. */
const ANSWER_BYTES = 5.5 * 1024 * 1024;

export type LambdaApi = ReturnType<typeof handle>;

/** The app as a Lambda handler. An answer that Lambda would refuse becomes a problem that says how to ask for less. */
export function lambdaApi(app: App): LambdaApi {
  const answer = handle(app);
  return async (event, context) => {
    const result = await answer(event, context);
    const size = Buffer.byteLength(result.body ?? "");
    if (size <= ANSWER_BYTES) return result;
    const problem = {
      type: "urn:deltalakedb:problem:ANSWER_TOO_LARGE",
      title: "The answer is too large",
      status: 413,
      detail: `the answer has ${size} bytes, and a function may give ${ANSWER_BYTES}`,
      code: "ANSWER_TOO_LARGE",
      hint: "Ask for smaller pages with the query parameter limit, and follow next.",
    };
    return {
      ...result,
      statusCode: 413,
      isBase64Encoded: false,
      headers: { "content-type": "application/problem+json" },
      body: JSON.stringify(problem),
    } as typeof result;
  };
}
