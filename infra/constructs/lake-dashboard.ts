/** The rows of dashboard.ts in CloudWatch, below the state of all alarms. */

import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import { DASHBOARD } from "../dashboard.ts";
import { type Dimensions, metricOf } from "../metrics.ts";
import { nameOf, type Settings } from "../settings.ts";

const FULL_WIDTH = 24;

export interface LakeDashboardProps {
  readonly settings: Settings;
  readonly dimensions: Dimensions;
  readonly alarms: readonly cloudwatch.IAlarm[];
}

export class LakeDashboard extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, props: LakeDashboardProps) {
    super(scope, id);
    const { settings, dimensions, alarms } = props;
    this.name = nameOf(settings, "dashboard");
    const state = new cloudwatch.AlarmStatusWidget({ title: "Alarms", width: FULL_WIDTH, alarms: [...alarms] });
    const rows = DASHBOARD.flatMap(({ title, graphs }) => [
      [new cloudwatch.TextWidget({ markdown: `## ${title}`, width: FULL_WIDTH, height: 1 })],
      graphs.map(
        (graph) =>
          new cloudwatch.GraphWidget({
            title: graph.title,
            width: FULL_WIDTH / graphs.length,
            left: graph.metrics.map((query) => metricOf(dimensions, query)),
          }),
      ),
    ]);
    new cloudwatch.Dashboard(this, "Dashboard", { dashboardName: this.name, widgets: [[state], ...rows] });
  }
}
