/** What a deployment may turn on beside, and what each comes to in a month. */

import { HOURS, type Line } from "./model.ts";
import { PRICES } from "./prices.ts";

/** Writer and standby of production, at their least. */
const CAPACITY_UNITS = 2;
/** Data API, SQS, Secrets Manager, STS. */
const ENDPOINTS = 4;
const ZONES = 2;
/** Gigabytes, and objects, of a month. */
const GROWTH = 100;
const OBJECTS = 2_000_000;
/** Gigabytes of all that is kept of the catalog. */
const CATALOG = 100;
/** One on addresses, three groups of AWS. */
const RULES = 4;
/** Millions, of a month. */
const REQUESTS = 2;

/** The setting, and how its bill is counted. */
export const OPTION_LINES: readonly Line[] = [
  {
    what: "`database_insights: advanced`",
    counted: `${CAPACITY_UNITS} ACU, each hour; \`standard\` costs nothing`,
    usd: CAPACITY_UNITS * HOURS * PRICES.databaseInsights.usd,
  },
  {
    what: "`front: cloudfront`, with the web ACL of `-c firewall=true`",
    counted: `the ACL, its ${RULES} rules, and ${REQUESTS} million requests; 0.085 for each gigabyte of answers beside`,
    usd:
      PRICES.webAcl.usd +
      RULES * PRICES.webAclRule.usd +
      REQUESTS * (PRICES.cloudfrontRequest.usd + PRICES.webAclRequest.usd),
  },
  {
    what: "`replicate_to`, of a table that grows by 100 GB a month",
    counted: `transfer and storage of the copies, and ${OBJECTS.toLocaleString("en")} PUTs of a million commits and their files`,
    usd: GROWTH * (PRICES.transfer.usd + PRICES.s3Storage.usd) + (OBJECTS / 1e6) * PRICES.s3Put.usd,
  },
  {
    what: "`backup_copy_region`",
    counted: `${CATALOG} GB of snapshots and backups that are sent and kept`,
    usd: CATALOG * (PRICES.transfer.usd + PRICES.snapshotStorage.usd),
  },
  {
    what: "`vpc: own`",
    counted: `${ENDPOINTS} endpoints in ${ZONES} zones, each hour; 0.01 for each gigabyte beside, and that to S3 costs nothing`,
    usd: ENDPOINTS * ZONES * HOURS * PRICES.endpoint.usd,
  },
];
