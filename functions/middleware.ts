/** What all functions share: their logger, what happens around each call, and the lake of a container. */

import { Logger } from "@aws-lambda-powertools/logger";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { deadlineMs } from "../lib/deadlines.ts";
import { errorText, isLakeError } from "../lib/errors.ts";
import { type AwsLake, openAwsLake, perContainer } from "../lib/lake/aws.ts";
import type { Signal } from "../lib/ports.ts";
import { withTimeLeft } from "../lib/time-left.ts";

export const logger = new Logger({ serviceName: "deltalakedb" });

/** Of the lakes of this container: what they have measured. */
const measured = new Set<AwsLake["metrics"]>();

/**
 * A Lambda handler whose logger knows the request, and whose calls to the outside all end before Lambda would end it; what it throws is logged, with its hint, and thrown on. Name, address and memory of the function are not in each
 * line, as its log group says them: logs are paid for by the byte.
 * @param longestMs less than Lambda gives, for whoever is waited for less long
 */
export function around<E, R>(
  work: (event: E, context: Context) => Promise<R>,
  longestMs: number = Number.POSITIVE_INFINITY,
) {
  const inTime = (event: E, context: Context) => {
    const leftMs = context.getRemainingTimeInMillis() - deadlineMs("reserve");
    return withTimeLeft(Math.min(leftMs, longestMs), () => work(event, context));
  };
  const flush = (requestId: string) => {
    for (const metrics of measured) metrics.flush({ function_request_id: requestId });
  };
  return middy<E, R>()
    .before(({ context }) => {
      logger.resetKeys();
      logger.appendKeys({ function_request_id: context.awsRequestId });
    })
    .after(({ context }) => flush(context.awsRequestId))
    .onError(({ error, context }) => {
      flush(context.awsRequestId);
      logger.error(errorText(error), failureFields(error));
    })
    .handler(inTime);
}

/** What a line about an error has beside its message: what a person can do; the stack of a defect, which only we can mend. */
export function failureFields(error: unknown): Readonly<Record<string, unknown>> {
  if (!isLakeError(error)) return { code: "INTERNAL", error: error as Error };
  const { kind, code, hint, at, facts } = error;
  const known = Object.fromEntries(
    ["table", "tableId", "version"].flatMap((name) => (facts[name] === undefined ? [] : [[name, facts[name]]])),
  );
  const isDefect = kind === "internal" || kind === "corrupt";
  return { code, hint, ...(at === undefined ? {} : { at }), ...known, ...(isDefect ? { error } : {}) };
}

/** The lake that the environment describes, opened at the first call. */
export function containerLake({ sendsAgain = false }: { readonly sendsAgain?: boolean } = {}): () => Promise<AwsLake> {
  const onLostMessage = (tableIds: readonly string[], error: unknown) =>
    logger.warn("the mirror could not be woken up; the sweeper will try again", { tableIds, reason: errorText(error) });
  return perContainer(async () => {
    const lake = await openAwsLake(process.env, { onLostMessage, sendsAgain });
    measured.add(lake.metrics);
    return lake;
  });
}

/** Aborted when less than `reserveMs` is left of an invocation. Not a timer: what has begun goes on. */
export function deadlineOf(context: Context, reserveMs: number): Signal {
  return {
    get aborted() {
      return context.getRemainingTimeInMillis() < reserveMs;
    },
  };
}
