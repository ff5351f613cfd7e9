/** Who may do what: one role a function, with the few actions that it needs. */

import { Stack, Validations } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { UPLOADS_PREFIX } from "../../lib/storage/keys.ts";
import { nameOf, type Settings } from "../settings.ts";
import type { DatabaseAccess } from "./database.ts";
import type { Tables } from "./lake-bucket.ts";

/** Known before the role is made, so that the bucket's policy can name it without a reference between the stacks. */
export function mirrorRoleName(scope: Construct, settings: Settings): string {
  return nameOf(settings, `mirror-${Stack.of(scope).region}`);
}

const EXECUTE = ["rds-data:ExecuteStatement"];
const TRANSACT = ["rds-data:BeginTransaction", "rds-data:CommitTransaction", "rds-data:RollbackTransaction"];

/**
 * Calls of the Data API. Who reads gets the login that may only read, and transactions all the same: a large answer comes
 * through a cursor.
 */
export function allowDatabase(role: iam.Role, database: DatabaseAccess, how: "read" | "write"): void {
  const { clusterArn, secretArn, reader } = database;
  if (clusterArn === undefined || secretArn === undefined) return;
  const actions =
    how === "read" ? [...EXECUTE, ...TRANSACT] : [...EXECUTE, "rds-data:BatchExecuteStatement", ...TRANSACT];
  role.addToPolicy(new iam.PolicyStatement({ actions, resources: [clusterArn] }));
  allowSecret(role, how === "read" ? (reader?.secretArn ?? secretArn) : secretArn);
}

export function allowSecret(role: iam.Role, secretArn: string): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["secretsmanager:GetSecretValue"], resources: [secretArn] }));
}

/** Tables and their logs, for reading. */
export function allowReadingTables(role: iam.Role, tables: Tables): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [tables.bucketArn] }));
  allowObjects(
    role,
    tables,
    ["s3:GetObject"],
    "*",
    "Tables are made at any place in the bucket; reading them is the job.",
  );
}

/** Logs of tables, for writing; the data files stay out of reach. */
export function allowWritingLogs(role: iam.Role, tables: Tables): void {
  const actions = ["s3:PutObject", "s3:AbortMultipartUpload"];
  const reason = "Tables are made at any place in the bucket; only their logs may be written.";
  allowObjects(role, tables, actions, "_delta_log/*", reason);
  allowObjects(role, tables, actions, "*/_delta_log/*", reason);
}

/** Requests that are too large to be sent: who signs a PUT must be allowed to make it. */
export function allowUploads(role: iam.Role, tables: Tables): void {
  const reason = "Each upload has a key of its own; nothing else lies there.";
  allowObjects(role, tables, ["s3:PutObject"], `${UPLOADS_PREFIX}/*`, reason);
}

function allowObjects(role: iam.Role, tables: Tables, actions: string[], keys: string, reason: string): void {
  const objects = `${tables.bucketArn}/${keys}`;
  role.addToPolicy(new iam.PolicyStatement({ actions, resources: [objects] }));
  acknowledgeWildcard(role, objects, reason);
}

export function allowSending(role: iam.Role, queue: IQueue): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [queue.queueArn] }));
}

/** cdk-nag names a finding by the resource as it is in the template. */
export function acknowledgeWildcard(scope: Construct, resource: string, reason: string): void {
  const resolved: unknown = Stack.of(scope).resolve(resource);
  Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[Resource::${asText(resolved)}]`, reason });
}

function asText(resolved: unknown): string {
  if (typeof resolved === "string") return resolved;
  if (typeof resolved !== "object" || resolved === null) return String(resolved);
  const [name, value] = Object.entries(resolved)[0] ?? ["", ""];
  if (name === "Fn::Join" && Array.isArray(value)) return (value[1] as unknown[]).map(asText).join("");
  if (name === "Fn::GetAtt" && Array.isArray(value)) return `<${value.join(".")}>`;
  return name === "Fn::ImportValue" ? String(value) : `<${String(value)}>`;
}
