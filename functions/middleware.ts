/** What all functions share: their logger, what happens around each call, and the lake of a container. */

import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { errorText, isLakeError } from "../lib/errors.ts";
import { type AwsLake, openAwsLake, perContainer } from "../lib/lake/aws.ts";
import type { Signal } from "../lib/ports.ts";

export const logger = new Logger({ serviceName: "deltalakedb" });

/** A Lambda handler with a logger that knows the request; what it throws is logged, with its hint, and thrown on. */
export function around<E, R>(work: (event: E, context: Context) => Promise<R>) {
  return middy<E, R>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .onError(({ error }) => logger.error(errorText(error), failureFields(error)))
    .handler(work);
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
  return perContainer(() => openAwsLake(process.env, { onLostMessage, sendsAgain }));
}

/** Aborted when less than `reserveMs` is left of an invocation. Not a timer: what has begun goes on. */
export function deadlineOf(context: Context, reserveMs: number): Signal {
  return {
    get aborted() {
      return context.getRemainingTimeInMillis() < reserveMs;
    },
  };
}
