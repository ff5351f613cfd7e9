/** The alarms of alarms.ts in CloudWatch, and the topic that mails them. */

import { Validations } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import * as iam from "aws-cdk-lib/aws-iam";
import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import { type AlarmDefinition, alarmsOf, runbookOf } from "../alarms.ts";
import { type Dimensions, metricOf } from "../metrics.ts";
import { nameOf, type Settings } from "../settings.ts";

export interface AlarmsProps {
  readonly settings: Settings;
  readonly dimensions: Dimensions;
}

export class Alarms extends Construct {
  readonly alarms: readonly cloudwatch.Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const topic = this.#topic(props.settings);
    this.alarms = alarmsOf(props.settings).map((definition) => {
      const alarm = this.#alarm(definition, props);
      if (topic !== undefined) {
        alarm.addAlarmAction(new SnsAction(topic));
        alarm.addOkAction(new SnsAction(topic));
      }
      return alarm;
    });
  }

  #alarm(definition: AlarmDefinition, { settings, dimensions }: AlarmsProps): cloudwatch.Alarm {
    const { id, severity, meaning, threshold, evaluationPeriods, datapointsToAlarm } = definition;
    return new cloudwatch.Alarm(this, id, {
      alarmName: nameOf(settings, id),
      alarmDescription: `${severity}: ${meaning}. Runbook: ${runbookOf(definition)}`,
      metric: metricOf(dimensions, definition),
      threshold,
      comparisonOperator: cloudwatch.ComparisonOperator[COMPARISONS[definition.comparison]],
      evaluationPeriods,
      datapointsToAlarm,
      treatMissingData:
        definition.missing === "breaching"
          ? cloudwatch.TreatMissingData.BREACHING
          : cloudwatch.TreatMissingData.NOT_BREACHING,
    });
  }

  #topic({ alarmMail }: Settings): sns.Topic | undefined {
    if (alarmMail === undefined) return undefined;
    const topic = new sns.Topic(this, "Topic", { enforceSSL: true });
    topic.addSubscription(new EmailSubscription(alarmMail));
    topic.grantPublish(new iam.ServicePrincipal("cloudwatch.amazonaws.com"));
    Validations.of(topic).acknowledge({
      id: "AwsSolutions-SNS2",
      reason:
        "An alarm says a name and a number, and leaves by mail anyway; CloudWatch needs a key of its own for more.",
    });
    return topic;
  }
}

const COMPARISONS = { above: "GREATER_THAN_THRESHOLD", below: "LESS_THAN_THRESHOLD" } as const;
