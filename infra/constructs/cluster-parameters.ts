/** The parameter groups of the cluster, and of its instances where there are some: what a session has that sets nothing itself, and what the server writes into its log. */

import type * as kms from "aws-cdk-lib/aws-kms";
import * as rds from "aws-cdk-lib/aws-rds";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import type { ClusterEngine, Parameters } from "./cluster-engines.ts";

export interface ClusterParametersProps {
  readonly settings: Settings;
  readonly of: ClusterEngine;
}

export class ClusterParameters extends Construct {
  readonly group: rds.IParameterGroup;
  /** Of each instance. */
  readonly instances: rds.IParameterGroup | undefined;

  constructor(scope: Construct, id: string, { settings, of }: ClusterParametersProps) {
    super(scope, id);
    const group = (name: string, parameters: Parameters) =>
      new rds.ParameterGroup(this, name, {
        engine: of.engine,
        description: `deltalakedb ${settings.stage}`,
        parameters: { ...parameters },
      }) as rds.IParameterGroup;
    this.group = group("Group", of.clusterParameters);
    const { instanceParameters } = of;
    this.instances = Object.keys(instanceParameters).length === 0 ? undefined : group("Instances", instanceParameters);
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
