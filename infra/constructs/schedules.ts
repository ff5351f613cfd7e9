/** Clocks of the service: the sweep and the start of the parity checks. */

import { Duration } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Schedule, ScheduleExpression } from "aws-cdk-lib/aws-scheduler";
import { LambdaInvoke } from "aws-cdk-lib/aws-scheduler-targets";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import { acknowledgeWildcard } from "./roles.ts";

export interface SchedulesProps {
  readonly settings: Settings;
  readonly sweep: IFunction;
  readonly parity: IFunction;
}

export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id);
    const { settings, sweep, parity } = props;
    this.#every(settings.sweepMinutes, "Sweep", "Wakes the mirror up for what is overdue", sweep);
    this.#every(settings.parityMinutes, "Parity", "Compares SQL and _delta_log of all tables", parity);
  }

  #every(minutes: number, id: string, description: string, target: IFunction): void {
    const role = new iam.Role(this, `${id}Role`, { assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com") });
    acknowledgeWildcard(
      role,
      `${target.functionArn}:*`,
      "CDK lets a schedule start its function in any version of it.",
    );
    new Schedule(this, id, {
      description,
      schedule: ScheduleExpression.rate(Duration.minutes(minutes)),
      // The next run does the same work: a late one need not be tried again.
      target: new LambdaInvoke(target, { role, retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
    });
  }
}
