/** What a deployment may turn on beside, and what each comes to in a month. */

import { HOURS, type Line } from "./model.ts";
import { PRICES } from "./prices.ts";

/** Writer and standby of production, at their least. */
const CAPACITY_UNITS = 2;
/** Data API, SQS, Secrets Manager, STS. */
const ENDPOINTS = 4;
const ZONES = 2;

/** The setting, and how its bill is counted. */
export const OPTION_LINES: readonly Line[] = [
  {
    what: "`database_insights: advanced`",
    counted: `${CAPACITY_UNITS} ACU, each hour; \`standard\` costs nothing`,
    usd: CAPACITY_UNITS * HOURS * PRICES.databaseInsights.usd,
  },
  {
    what: "`vpc: own`",
    counted: `${ENDPOINTS} endpoints in ${ZONES} zones, each hour; 0.01 for each gigabyte beside, and that to S3 costs nothing`,
    usd: ENDPOINTS * ZONES * HOURS * PRICES.endpoint.usd,
  },
];
