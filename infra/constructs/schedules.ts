/** Clocks of the service: the sweep, parity checks, backups, restores for practice, maintenance. */

import { Duration } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Schedule, ScheduleExpression, ScheduleTargetInput } from "aws-cdk-lib/aws-scheduler";
import { LambdaInvoke } from "aws-cdk-lib/aws-scheduler-targets";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import { acknowledgeWildcard } from "./roles.ts";

export interface SchedulesProps {
  readonly settings: Settings;
  readonly sweep: IFunction;
  readonly parity: IFunction;
  readonly backup: IFunction;
  readonly drill: IFunction;
  readonly maintenance: IFunction;
  readonly compaction?: IFunction | undefined;
  readonly canary?: IFunction | undefined;
}

const DAY_MINUTES = 1440;

export class Schedules extends Construct {
  constructor(scope: Construct, id: string, props: SchedulesProps) {
    super(scope, id);
    const { settings, sweep, parity, backup, drill, maintenance, compaction, canary } = props;
    this.#every(settings.sweepMinutes, "Sweep", "Wakes the mirror up for what is overdue", sweep);
    this.#every(settings.parityMinutes, "Parity", "Compares SQL and _delta_log of all tables", parity);
    const { everyMinutes, drillDays } = settings.backup;
    const [save, whole, verify] = [{ task: "backup" }, { task: "backup", full: true }, { task: "verify" }];
    this.#every(everyMinutes, "Backup", "Makes a backup of what is new in the catalog", backup, save);
    // The lifecycle of the bucket goes by days: what an increment goes on from is never older by more than one.
    this.#every(DAY_MINUTES, "FullBackup", "Makes a backup of the whole catalog", backup, whole);
    this.#every(DAY_MINUTES, "Verify", "Verifies the newest backup", backup, verify);
    this.#every(drillDays * DAY_MINUTES, "Drill", "Restores the newest backup for practice", drill);
    this.#every(settings.maintenance.everyMinutes, "Maintenance", "Removes what no version needs", maintenance);
    if (compaction) {
      this.#every(settings.maintenance.everyMinutes, "Compaction", "Makes large files of small ones", compaction);
    }
    if (canary) this.#every(settings.canaryMinutes, "Canary", "Tries the service as a client does", canary);
  }

  #every(minutes: number, id: string, description: string, target: IFunction, input?: object): void {
    const role = new iam.Role(this, `${id}Role`, { assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com") });
    acknowledgeWildcard(
      role,
      `${target.functionArn}:*`,
      "CDK lets a schedule start its function in any version of it.",
    );
    const payload = input === undefined ? {} : { input: ScheduleTargetInput.fromObject(input) };
    new Schedule(this, id, {
      description,
      schedule: ScheduleExpression.rate(Duration.minutes(minutes)),
      // The next run does the same work: a late one need not be tried again.
      target: new LambdaInvoke(target, { role, retryAttempts: 0, maxEventAge: Duration.minutes(1), ...payload }),
    });
  }
}
