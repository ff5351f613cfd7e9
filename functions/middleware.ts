/** What all functions share: their logger, what happens around each call, and the lake of a container. */

import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import middy from "@middy/core";
import type { Context } from "aws-lambda";
import { errorText, isLakeError } from "../lib/errors.ts";
import { type AwsLake, openAwsLake, perContainer } from "../lib/lake/aws.ts";

export const logger = new Logger({ serviceName: "deltalakedb" });

/** A Lambda handler with a logger that knows the request; what it throws is logged, with its hint, and thrown on. */
export function around<E, R>(work: (event: E, context: Context) => Promise<R>) {
  return middy<E, R>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .onError(({ error }) => {
      const { code, hint } = isLakeError(error) ? error : { code: undefined, hint: undefined };
      logger.error(errorText(error), { error: error as Error, code, hint });
    })
    .handler(work);
}

/** The lake that the environment describes, opened at the first call. */
export function containerLake({ ringsAgain = false }: { readonly ringsAgain?: boolean } = {}): () => Promise<AwsLake> {
  const onLostRing = (tableIds: readonly string[], error: unknown) =>
    logger.warn("a doorbell was not heard; the sweeper will ring again", { tableIds, reason: errorText(error) });
  return perContainer(() => openAwsLake(process.env, { onLostRing, ringsAgain }));
}
