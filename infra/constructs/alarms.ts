/** The alarms of alarms.ts in CloudWatch, and the topics that tell of them: one for what wakes somebody up, one for the morning. */

import { Duration, Validations } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import type { AlarmDefinition } from "../alarm-definition.ts";
import { alarmsOf, RUNBOOK, runbookOf } from "../alarms.ts";
import { type Dimensions, metricOf } from "../metrics.ts";
import { nameOf, type Settings } from "../settings.ts";

/** Ends the name of the alarm of the shorter of two windows. */
export const LATELY = "-lately";

export interface AlarmsProps {
  readonly settings: Settings;
  readonly dimensions: Dimensions;
  /** Absent: topics are not encrypted, as CloudWatch needs a key of one's own for that. */
  readonly key: kms.IKey | undefined;
}

interface Symptom {
  readonly alarm: cloudwatch.AlarmBase;
  readonly causes: readonly cloudwatch.AlarmBase[];
  /** Seconds that it may stay red after its causes. */
  readonly remembers: number;
}

export class Alarms extends Construct {
  readonly alarms: readonly cloudwatch.Alarm[];
  /** Absent where nobody is told. */
  readonly topics: Readonly<Record<AlarmDefinition["severity"], sns.Topic>> | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { alarmMail } = props.settings;
    const { key } = props;
    this.topics =
      alarmMail === undefined
        ? undefined
        : { page: this.#topic("Pages", alarmMail, key), ticket: this.#topic("Tickets", alarmMail, key) };
    const isThere = ({ source }: AlarmDefinition) => Object.keys(props.dimensions[source]).length > 0;
    const definitions = alarmsOf(props.settings).filter(isThere);
    const made = new Map(definitions.map((definition) => [definition.id, this.#alarm(definition, props)]));
    this.alarms = [...made.values()];
    const lately = new Map(
      definitions.flatMap((definition) => {
        const { id, alsoWithinSeconds: periodSeconds } = definition;
        if (periodSeconds === undefined) return [];
        return [[id, this.#alarm({ ...definition, periodSeconds }, props, LATELY)] as const];
      }),
    );
    if (this.topics === undefined) return;
    const tellers = new Map(
      [...made].map(([id, alarm]) => [id, this.#inBothWindows(id, alarm, lately.get(id), props)] as const),
    );
    for (const { id: name, severity, toldBy = [], alsoWithinSeconds = 0 } of definitions) {
      const causes = toldBy.flatMap((cause) => tellers.get(cause) ?? []);
      const alarm = tellers.get(name);
      if (alarm === undefined) continue;
      const teller =
        causes.length === 0 ? alarm : this.#unlessTold(name, { alarm, causes, remembers: alsoWithinSeconds }, props);
      teller.addAlarmAction(new SnsAction(this.topics[severity]));
      teller.addOkAction(new SnsAction(this.topics[severity]));
    }
  }

  /** The alarm itself; where it looks at two windows, one that is red while both are. */
  #inBothWindows(
    id: string,
    alarm: cloudwatch.Alarm,
    lately: cloudwatch.Alarm | undefined,
    { settings }: AlarmsProps,
  ): cloudwatch.AlarmBase {
    if (lately === undefined) return alarm;
    return new cloudwatch.CompositeAlarm(this, `${id}-both`, {
      compositeAlarmName: nameOf(settings, `${id}-both`),
      alarmDescription: `${id}, of its long and its short time. Runbook: ${RUNBOOK}#${id}`,
      alarmRule: cloudwatch.AlarmRule.allOf(rule(alarm), rule(lately)),
    });
  }

  /** Red as the alarm itself, and silent while another tells of the same: one incident wakes somebody once. */
  #unlessTold(id: string, { alarm, causes, remembers }: Symptom, { settings }: AlarmsProps): cloudwatch.CompositeAlarm {
    const suppressor = new cloudwatch.CompositeAlarm(this, `${id}-told`, {
      compositeAlarmName: nameOf(settings, `${id}-told`),
      alarmDescription: `Another alarm tells of ${id}: then it pages nobody.`,
      alarmRule: cloudwatch.AlarmRule.anyOf(...causes.map(rule)),
    });
    return new cloudwatch.CompositeAlarm(this, `${id}-alone`, {
      compositeAlarmName: nameOf(settings, `${id}-alone`),
      alarmDescription: `${id}, and no other alarm tells of it. Runbook: ${RUNBOOK}#${id}`,
      alarmRule: rule(alarm),
      actionsSuppressor: suppressor,
      // Alarms of one incident are looked at within a minute of each other.
      actionsSuppressorWaitPeriod: Duration.minutes(2),
      actionsSuppressorExtensionPeriod: Duration.seconds(Math.max(120, remembers)),
    });
  }

  #alarm(definition: AlarmDefinition, { settings, dimensions }: AlarmsProps, suffix = ""): cloudwatch.Alarm {
    const { id, severity, meaning, threshold, evaluationPeriods, datapointsToAlarm } = definition;
    return new cloudwatch.Alarm(this, `${id}${suffix}`, {
      alarmName: nameOf(settings, `${id}${suffix}`),
      alarmDescription: `${severity}: ${meaning}. Runbook: ${runbookOf(definition)}`,
      metric: metricOf(dimensions, definition),
      threshold,
      comparisonOperator: cloudwatch.ComparisonOperator[COMPARISONS[definition.comparison]],
      evaluationPeriods,
      datapointsToAlarm,
      treatMissingData: cloudwatch.TreatMissingData[MISSING[definition.missing]],
    });
  }

  /** Pagers and chats subscribe beside the mail. */
  #topic(id: string, mail: string, key: kms.IKey | undefined): sns.Topic {
    const topic = new sns.Topic(this, id, { enforceSSL: true, ...(key ? { masterKey: key } : {}) });
    topic.addSubscription(new EmailSubscription(mail));
    topic.grantPublish(new iam.ServicePrincipal("cloudwatch.amazonaws.com"));
    if (key) return topic;
    Validations.of(topic).acknowledge({
      id: "AwsSolutions-SNS2",
      reason:
        "An alarm says a name and a number, and leaves by mail anyway; with encryption_key the topics are encrypted, too.",
    });
    return topic;
  }
}

function rule(alarm: cloudwatch.AlarmBase): cloudwatch.IAlarmRule {
  return cloudwatch.AlarmRule.fromAlarm(alarm as cloudwatch.IAlarm, cloudwatch.AlarmState.ALARM);
}

const MISSING = { breaching: "BREACHING", notBreaching: "NOT_BREACHING", keep: "IGNORE" } as const;
const COMPARISONS = { above: "GREATER_THAN_THRESHOLD", below: "LESS_THAN_THRESHOLD" } as const;
