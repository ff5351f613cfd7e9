/** Says why a suite does not run here. No test may be left out silently: `.ci/run` fails when one ran nowhere. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { withPlantedPassword } from "./secrets.ts";

const DELTA_DATA = fileURLToPath(new URL("../../../shared/delta-data", import.meta.url));

/** The folder of real Delta tables beside the repository, where there is one; they are read in place. */
export const deltaData: string | undefined = existsSync(DELTA_DATA) ? DELTA_DATA : undefined;

/** Address of a PostgreSQL server on which tests may make databases of their own. */
export const postgresUrl: string | undefined = process.env.TEST_POSTGRES_URL
  ? withPlantedPassword(process.env.TEST_POSTGRES_URL)
  : undefined;

/** Address of a database `mysql://…` on a server of MySQL or MariaDB on which tests may make databases of their own. */
export const mysqlUrl: string | undefined = process.env.TEST_MYSQL_URL || undefined;

/** Address of an S3 server on which tests may make buckets of their own; test/s3/setup.sh installs one. */
export const s3Url: string | undefined = process.env.TEST_S3_URL || undefined;

/** Address of an SQS server on which tests may make queues of their own; that of test/s3/setup.sh speaks SQS, too. */
export const sqsUrl: string | undefined = process.env.TEST_SQS_URL || undefined;

/**
 * Options of a suite that needs something which is not on every machine:
 * `describe("catalog on PostgreSQL", needs("catalog on PostgreSQL", postgresUrl, "TEST_POSTGRES_URL is not set"), …)`.
 * Where it is missing, the suite is skipped and says why; with DL_NO_SKIPS=1, which `.ci/run` sets once its servers are
 * up, that is a failure.
 */
export function needs(what: string, thing: unknown, reason: string): { readonly skip: string | false } {
  if (thing) return { skip: false };
  console.log(`SKIP ${what}: ${reason}`);
  if (process.env.DL_NO_SKIPS === "1") test(what, () => assert.fail(`skipped although DL_NO_SKIPS=1: ${reason}`));
  return { skip: reason };
}

/** Options of a suite over the real tables. Their absence is never a failure: they are not ours to carry along. */
export function needsDeltaData(what: string): { readonly skip: string | false } {
  if (deltaData) return { skip: false };
  const reason = "no shared/delta-data beside the repository";
  console.log(`SKIP ${what}: ${reason}`);
  return { skip: reason };
}
