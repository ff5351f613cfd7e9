/** The API of a container: what `commit` and `read` share, and the other functions need not load. */

import { apiGatewayDoor } from "../lib/access/api-gateway.ts";
import { errorText } from "../lib/errors.ts";
import { createApp } from "../lib/http/app.ts";
import { type LambdaApi, lambdaApi } from "../lib/http/lambda.ts";
import { perContainer } from "../lib/lake/aws.ts";
import type { Access } from "../lib/wire/routes.ts";
import { containerLake, logger } from "./middleware.ts";

/** The API, of which this function answers its part. */
export function containerApi(serves: Access): () => Promise<LambdaApi> {
  const lakeOf = containerLake();
  return perContainer(async () => {
    const lake = await lakeOf();
    const app = createApp(lake, {
      version: process.env.AWS_LAMBDA_FUNCTION_VERSION ?? "0",
      serves,
      streams: false,
      resolveLocation: lake.resolveLocation,
      door: apiGatewayDoor(),
      onAnswer: (line) => logger.info("answered", { ...line }),
      ...(lake.uploads ? { uploads: lake.uploads } : {}),
      onIncident: (error, incident) => logger.error(errorText(error), { incident, error: error as Error }),
    });
    return lambdaApi(app, {
      onLate() {
        lake.metrics.record("ServerErrors", 1, "Count", { status: 503 });
        logger.error("there was no answer in time", {
          code: "ANSWER_LATE",
          hint: "Look at the time that database and storage take.",
        });
      },
    });
  });
}
