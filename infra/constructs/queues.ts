/** The queues, and what they could not deliver: messages to the mirror, in order per table; tables to compare; checkpoints to write. */

import { Duration } from "aws-cdk-lib";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import { uniqueNameOf } from "../unique-name.ts";

/** SQS hides a message for six times as long as the function may run, as AWS asks for. */
const VISIBILITY_FACTOR = 6;

export interface QueuesProps {
  readonly settings: Settings;
  readonly key: kms.IKey | undefined;
  readonly mirrorTimeout: Duration;
  readonly parityTimeout: Duration;
  readonly checkpointTimeout: Duration;
}

export class Queues extends Construct {
  readonly mirror: sqs.Queue;
  readonly mirrorDeadLetters: sqs.Queue;
  readonly parity: sqs.Queue;
  readonly parityDeadLetters: sqs.Queue;
  readonly checkpoints: sqs.Queue;
  readonly checkpointDeadLetters: sqs.Queue;

  constructor(scope: Construct, id: string, props: QueuesProps) {
    super(scope, id);
    const { settings, key } = props;
    const safe = {
      enforceSSL: true,
      ...(key
        ? { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: key }
        : { encryption: sqs.QueueEncryption.SQS_MANAGED }),
    };
    // Without a written name that ends in .fifo, some emulators make a standard queue of it; SQS gives no name again within a minute.
    const fifo = {
      ...safe,
      fifo: true,
      deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    };
    this.mirrorDeadLetters = new sqs.Queue(this, "MirrorDeadLetters", {
      ...fifo,
      queueName: `${uniqueNameOf(settings, "mirror-dead-letters")}.fifo`,
      retentionPeriod: Duration.days(14),
    });
    this.mirror = new sqs.Queue(this, "Mirror", {
      ...fifo,
      queueName: `${uniqueNameOf(settings, "mirror")}.fifo`,
      visibilityTimeout: hidden(props.mirrorTimeout),
      // The mirror gives back what failed for 2, 4, 8 … 60 seconds: a quarter of an hour in all.
      deadLetterQueue: { queue: this.mirrorDeadLetters, maxReceiveCount: 20 },
    });
    const standard = (id: string, name: string, visibilityTimeout: Duration) => {
      const deadLetters = new sqs.Queue(this, `${id}DeadLetters`, {
        ...safe,
        queueName: uniqueNameOf(settings, `${name}-dead-letters`),
        retentionPeriod: Duration.days(14),
      });
      const deadLetterQueue = { queue: deadLetters, maxReceiveCount: 3 };
      const queueName = uniqueNameOf(settings, name);
      return {
        deadLetters,
        queue: new sqs.Queue(this, id, { ...safe, queueName, visibilityTimeout, deadLetterQueue }),
      };
    };
    const parity = standard("Parity", "parity", hidden(props.parityTimeout));
    this.parity = parity.queue;
    this.parityDeadLetters = parity.deadLetters;
    // One message a call, and no batch to gather: what failed need not wait for six times a quarter of an hour.
    const checkpoint = standard("Checkpoint", "checkpoint", props.checkpointTimeout);
    this.checkpoints = checkpoint.queue;
    this.checkpointDeadLetters = checkpoint.deadLetters;
  }
}

function hidden(timeout: Duration): Duration {
  return Duration.seconds(timeout.toSeconds() * VISIBILITY_FACTOR);
}
