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

/** Likewise of the one function that may delete. */
export function maintenanceRoleName(scope: Construct, settings: Settings): string {
  return nameOf(settings, `maintenance-${Stack.of(scope).region}`);
}

/** Likewise of the one function that writes backups. */
export function backupRoleName(scope: Construct, settings: Settings): string {
  return nameOf(settings, `backup-${Stack.of(scope).region}`);
}

export function roleArn(scope: Construct, name: string): string {
  const { partition, account } = Stack.of(scope);
  return `arn:${partition}:iam::${account}:role/${name}`;
}

const EXECUTE = ["rds-data:ExecuteStatement"];
const TRANSACT = ["rds-data:BeginTransaction", "rds-data:CommitTransaction", "rds-data:RollbackTransaction"];

/**
 * Calls of the Data API. Who reads gets the login that may only read, and transactions all the same: a large answer comes
 * through a cursor. Who practises gets the login with a schema of its own.
 */
export function allowDatabase(role: iam.Role, database: DatabaseAccess, how: "read" | "write" | "scratch"): void {
  const { clusterArn, secretArn, reader, scratch } = database;
  if (clusterArn === undefined || secretArn === undefined) return;
  const actions =
    how === "read" ? [...EXECUTE, ...TRANSACT] : [...EXECUTE, "rds-data:BatchExecuteStatement", ...TRANSACT];
  role.addToPolicy(new iam.PolicyStatement({ actions, resources: [clusterArn] }));
  const login = { read: reader, scratch, write: undefined }[how];
  allowSecret(role, login?.secretArn ?? secretArn);
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

/** Files of tables, for deleting: below the places where tables may be, and nowhere else. The bucket keeps old versions for a while. */
export function allowDeletingFiles(role: iam.Role, tables: Tables, roots: readonly string[]): void {
  const reason = "Tables are made at any place below these roots; removing their files is the job.";
  for (const root of roots) allowObjects(role, tables, ["s3:DeleteObject"], `${root}*`, reason);
}

/** Backups, for writing once: nothing is replaced, and nothing deleted. */
export function allowBackups(role: iam.Role, place: Tables, how: "read" | "write"): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [place.bucketArn] }));
  const writing = how === "write" ? ["s3:PutObject", "s3:AbortMultipartUpload"] : [];
  allowObjects(role, place, ["s3:GetObject", ...writing], "*", "The bucket has nothing but backups.");
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
