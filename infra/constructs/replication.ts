/** What goes to the other region as it is written: objects of the tables, and backups. The stack there is found by its names. */

import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as s3 from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { nameOf, type Settings } from "../settings.ts";
import { acknowledgeWildcard } from "./roles.ts";

/** One of a stage, in each of its regions but the first; the account makes it unlike that of anybody else. */
export function copyBucketName(scope: Construct, settings: Settings, what: "tables" | "backups"): string {
  return `${nameOf(settings, what)}-${Stack.of(scope).account}`;
}

export function copyVaultName(settings: Settings): string {
  return nameOf(settings, "copies");
}

/** @throws Error where nothing is copied */
export function copyVaultArn(scope: Construct, settings: Settings): string {
  if (settings.copies === undefined) throw new Error("nothing is copied");
  const { partition, account } = Stack.of(scope);
  return `arn:${partition}:backup:${settings.copies.region}:${account}:backup-vault:${copyVaultName(settings)}`;
}

const OF_SOURCE = ["s3:GetReplicationConfiguration", "s3:ListBucket"];
const OF_VERSIONS = [
  "s3:GetObjectVersionForReplication",
  "s3:GetObjectVersionAcl",
  "s3:GetObjectVersionTagging",
  // Of locked objects, which backups are.
  "s3:GetObjectRetention",
  "s3:GetObjectLegalHold",
];
const OF_COPIES = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"];

export class Replication extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: { readonly settings: Settings; readonly from: s3.Bucket; readonly what: "tables" | "backups" },
  ) {
    super(scope, id);
    const { settings, from, what } = props;
    const copy = s3.Bucket.fromBucketName(this, "Copy", copyBucketName(this, settings, what));
    const role = new iam.Role(this, "Role", { assumedBy: new iam.ServicePrincipal("s3.amazonaws.com") });
    const versions = from.arnForObjects("*");
    const copies = copy.arnForObjects("*");
    role.addToPolicy(new iam.PolicyStatement({ actions: OF_SOURCE, resources: [from.bucketArn] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: OF_VERSIONS, resources: [versions] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: OF_COPIES, resources: [copies] }));
    for (const objects of [versions, copies]) acknowledgeWildcard(role, objects, "All of the bucket is copied.");
    (from.node.defaultChild as s3.CfnBucket).replicationConfiguration = {
      role: role.roleArn,
      rules: [
        {
          id: what,
          status: "Enabled",
          priority: 1,
          filter: { prefix: "" },
          // What is deleted here is hidden there, and kept for the days of old versions, as here.
          deleteMarkerReplication: { status: "Enabled" },
          destination: {
            bucket: copy.bucketArn,
            metrics: { status: "Enabled" },
          },
        },
      ],
    };
  }
}
