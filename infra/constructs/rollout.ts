/** New code of a function that answers requests gets a tenth of them first; where an alarm goes off, all go back to the code of before. */

import { Validations } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import * as codedeploy from "aws-cdk-lib/aws-codedeploy";
import type { IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { nameOf, type Settings } from "../settings.ts";

/** Alarms that say that requests fail, or are slow, by the names of alarms.ts. */
export const STOPPED_BY = ["server-errors", "database-errors", "commit-duration"];
const POLICY = "service-role/AWSCodeDeployRoleForLambdaLimited";

export class Rollout extends Construct {
  /** What callers name in place of the function. */
  readonly alias: IFunction;

  constructor(scope: Construct, id: string, props: { readonly settings: Settings; readonly lambda: LambdaFunction }) {
    super(scope, id);
    const { settings, lambda } = props;
    const alias = lambda.addAlias("live");
    this.alias = alias as IFunction;
    const group = new codedeploy.LambdaDeploymentGroup(this, "Group", {
      alias,
      deploymentConfig: codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
      // By name: they watch what is behind the API, which waits for this alias.
      alarms: STOPPED_BY.map((alarm) => cloudwatch.Alarm.fromAlarmName(this, alarm, nameOf(settings, alarm))),
      autoRollback: { failedDeployment: true, stoppedDeployment: true, deploymentInAlarm: true },
    });
    Validations.of(group).acknowledge({
      id: `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${POLICY}]`,
      reason: "AWS says what CodeDeploy needs to move an alias, and keeps it up to date.",
    });
  }
}
