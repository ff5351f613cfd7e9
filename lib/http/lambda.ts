/** The API behind API Gateway's HTTP API (payload 2.0): one app, of which each function answers only its own kind of requests. */

import { handle } from "hono/aws-lambda";
import { deadlineMs } from "../deadlines.ts";
import { timeLeft } from "../time-left.ts";
import { ANSWER_BYTES } from "../wire/answer-size.ts";
import type { App } from "./app.ts";

/** Of what a function returns Lambda takes 6 MiB of JSON, the body as a text in it; this leaves room for the headers. */
const RESULT_BYTES = 6_000_000;

export type LambdaApi = ReturnType<typeof handle>;

export interface LambdaOptions {
  /** Called when the time is over: nobody else counts this answer. */
  readonly onLate?: () => void;
}

/**
 * The app as a Lambda handler. A body of up to {@link ANSWER_BYTES} always arrives: one that would grow too much as a text
 * within JSON, where each quotation mark takes two bytes, goes as base64. No route answers with more; if one ever did, a problem
 * would say how to ask for less. An answer that takes too long is given by us, before API Gateway gives one that says nothing.
 */
export function lambdaApi(app: App, { onLate = () => {} }: LambdaOptions = {}): LambdaApi {
  const answer = handle(app);
  return async (event, context) => {
    const result = (await inTime(answer(event, context))) ?? late(onLate);
    const { body = "", isBase64Encoded } = result;
    // Within JSON no character takes more than six bytes; most answers are small, and need not be measured.
    if (body.length * 6 <= RESULT_BYTES) return result;
    if (Buffer.byteLength(JSON.stringify(body)) <= RESULT_BYTES) return result;
    const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
    if (bytes.length <= ANSWER_BYTES) {
      return { ...result, body: bytes.toString("base64"), isBase64Encoded: true } as typeof result;
    }
    const problem = {
      type: "urn:deltalakedb:problem:ANSWER_TOO_LARGE",
      title: "The answer is too large",
      status: 413,
      detail: `the answer has ${bytes.length} bytes, and a function may give ${ANSWER_BYTES}`,
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

type Result = Awaited<ReturnType<LambdaApi>>;

/** undefined when the time of the invocation is over first; what waits for something outside then ends, too. */
async function inTime(work: Promise<Result>): Promise<Result | undefined> {
  const signal = timeLeft();
  if (signal === undefined) return work;
  let tell: () => void = () => undefined;
  const over = new Promise<undefined>((resolve) => {
    tell = () => resolve(undefined);
    if (signal.aborted) tell();
    else signal.addEventListener("abort", tell, { once: true });
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener("abort", tell);
    // Nobody waits any more for what it may throw.
    work.catch(() => undefined);
  }
}

function late(onLate: () => void): Result {
  onLate();
  const problem = {
    type: "urn:deltalakedb:problem:ANSWER_LATE",
    title: "Not available now",
    status: 503,
    detail: `there was no answer within ${deadlineMs("answer") / 1000} s`,
    code: "ANSWER_LATE",
    hint: "What was asked for may have been done all the same: send the same request, with the same transactionId, again; then it is answered, and never done twice.",
  };
  return {
    statusCode: 503,
    isBase64Encoded: false,
    headers: { "content-type": "application/problem+json", "retry-after": "1" },
    body: JSON.stringify(problem),
  } as Result;
}
