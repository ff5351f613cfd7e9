/**
 * Brings the SQL schema, and the logins that may less, up to date at deploy: a custom resource. Forward only: where an upgrade is
 * taken back, the newer schema stays, and says whether this code can work with it; if not, the deployment stops.
 */

import type { CloudFormationCustomResourceEvent, Context } from "aws-lambda";
import { isLakeError } from "../lib/errors.ts";
import type { AwsLake } from "../lib/lake/aws.ts";
import { NESTED_HINT, nestedTables } from "../lib/operations/tables/nested-tables.ts";
import { retry } from "../lib/retry.ts";
import { around, containerLake, logger } from "./middleware.ts";

/** Kept for the answer. */
const RESERVE_MS = 30_000;
/** A paused cluster wakes up in some seconds. */
const PAUSE_MS = 3_000;

const lakeOf = containerLake();

export const handler = around(async (event: CloudFormationCustomResourceEvent, context: Context) => {
  const PhysicalResourceId = "deltalakedb-schema";
  // Taking the stack down leaves the data alone.
  if (event.RequestType === "Delete") return { PhysicalResourceId };
  const lake = await lakeOf();
  const applied = await migrate(lake, context);
  logger.info("the schema is up to date", { applied });
  for (const nested of await nestedTables(lake.catalog)) logger.warn(nested, { hint: NESTED_HINT });
  return { PhysicalResourceId, Data: { applied: applied.join(", ") } };
});

async function migrate(lake: AwsLake, context: Context): Promise<readonly string[]> {
  const policy = {
    firstPauseMs: PAUSE_MS,
    longestPauseMs: PAUSE_MS,
    jitter: 0,
    withinMs: context.getRemainingTimeInMillis() - RESERVE_MS,
    sleep: (ms: number) => lake.clock.sleep(ms),
  };
  const attempt = async () => {
    return (await lake.catalog.migrate(await lake.logins())).applied;
  };
  return retry(policy, attempt, (error) => {
    if (!isLakeError(error, "unavailable") || error.code === "SCHEMA_NEWER") return false;
    logger.warn("the database is not available yet", { reason: error.message });
    return true;
  });
}
