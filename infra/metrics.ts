/** Metrics of CloudWatch as alarms and dashboard see them: each source with its dimensions. */

import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { SOURCES, type Source } from "./alarm-definition.ts";

/** Dimensions of each source. The service's own metrics have exactly two: a table among them would cost a fortune. */
export type Dimensions = Readonly<Record<Source, Readonly<Record<string, string>>>>;

export interface MetricQuery {
  readonly source?: Source;
  readonly metric: string;
  readonly statistic: string;
  readonly periodSeconds?: number;
  readonly label?: string;
}

export function metricOf(dimensions: Dimensions, query: MetricQuery): Metric {
  const { source = "service", metric, statistic, periodSeconds = 60, label } = query;
  return new Metric({
    namespace: SOURCES[source],
    metricName: metric,
    dimensionsMap: { ...dimensions[source] },
    statistic,
    period: Duration.seconds(periodSeconds),
    ...(label === undefined ? {} : { label }),
  });
}
