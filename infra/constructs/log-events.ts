/** Events of S3 for tables that others write: each version that is put into a log is told to the sweep, which wakes the mirror up if the table is followed. */

import { Duration } from "aws-cdk-lib";
import { Match, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import type { Settings } from "../settings.ts";
import type { Tables } from "./lake-bucket.ts";

/** What is older the next sweep has seen. */
const OLDEST = Duration.minutes(2);

export interface LogEventsProps {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly sweep: IFunction;
}

export class LogEvents extends Construct {
  constructor(scope: Construct, id: string, { settings, tables, sweep }: LogEventsProps) {
    super(scope, id);
    const roots = settings.storageRoots.map((root) => root.split("/")[2] ?? "");
    const buckets = [...new Set([settings.existingBucket ?? tables.bucketName, ...roots])];
    const versions = Match.anyOf(Match.wildcard("_delta_log/*.json"), Match.wildcard("*/_delta_log/*.json"));
    new Rule(this, "Versions", {
      description: "Has the logs of followed tables looked at as soon as they grow",
      eventPattern: {
        source: ["aws.s3"],
        detailType: ["Object Created"],
        detail: { bucket: { name: buckets }, object: { key: versions } },
      },
      targets: [new LambdaFunction(sweep, { maxEventAge: OLDEST, retryAttempts: 2 })],
    });
  }
}
