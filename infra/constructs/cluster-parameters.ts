/** The parameter group of the cluster: what a session has that sets nothing itself, and what the server writes into its log. */

import type * as kms from "aws-cdk-lib/aws-kms";
import * as rds from "aws-cdk-lib/aws-rds";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";

/** Text of each parameter; times are milliseconds. docs/databases.md says why. */
export const CLUSTER_PARAMETERS = {
  "rds.force_ssl": "1",
  // Sessions of ours set shorter ones, and migrations none: these end what a person has left open in a console.
  idle_in_transaction_session_timeout: "60000",
  lock_timeout: "60000",
  statement_timeout: "3600000",
  // With their values, which are paths and statistics: so none but those that something is wrong with.
  log_min_duration_statement: "5000",
  log_lock_waits: "1",
  log_statement: "ddl",
} as const;

export interface ClusterParametersProps {
  readonly settings: Settings;
  readonly engine: rds.IClusterEngine;
}

export class ClusterParameters extends Construct {
  readonly group: rds.IParameterGroup;

  constructor(scope: Construct, id: string, { settings, engine }: ClusterParametersProps) {
    super(scope, id);
    this.group = new rds.ParameterGroup(this, "Group", {
      engine,
      description: `deltalakedb ${settings.stage}`,
      parameters: { ...CLUSTER_PARAMETERS },
    }) as rds.IParameterGroup;
  }
}

type Insights = Pick<
  rds.DatabaseClusterProps,
  | "enablePerformanceInsights"
  | "databaseInsightsMode"
  | "performanceInsightRetention"
  | "performanceInsightEncryptionKey"
>;

/** Of the load, by statement and by what it waits for. Standard keeps a week, for nothing; advanced fifteen months. */
export function insightsOf({ databaseInsights }: Settings, key: kms.IKey | undefined): Insights {
  if (databaseInsights === "off") return {};
  const isAdvanced = databaseInsights === "advanced";
  return {
    enablePerformanceInsights: true,
    databaseInsightsMode: isAdvanced ? rds.DatabaseInsightsMode.ADVANCED : rds.DatabaseInsightsMode.STANDARD,
    performanceInsightRetention: isAdvanced
      ? rds.PerformanceInsightRetention.MONTHS_15
      : rds.PerformanceInsightRetention.DEFAULT,
    ...(key === undefined ? {} : { performanceInsightEncryptionKey: key }),
  };
}
