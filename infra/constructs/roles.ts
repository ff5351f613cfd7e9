/** Who may do what: one role a function, with the few actions that it needs. */

import { Stack, Validations } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import type { DutyName } from "../../lib/lake/duties.ts";
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
/** Who writes many rows at once. */
const BATCHES: readonly string[] = ["owner", "scratch", "commit", "maintenance"];
const TRANSACT = ["rds-data:BeginTransaction", "rds-data:CommitTransaction", "rds-data:RollbackTransaction"];

/**
 * Calls of the Data API, by the login of whoever calls. Who reads gets transactions all the same: a large answer comes through a
 * cursor. The owner of the tables migrates them, and nothing else.
 */
export function allowDatabase(
  role: iam.Role,
  { clusterArn, secretArn, keyArn, reader, scratch, functions }: DatabaseAccess,
  login: "owner" | "reader" | "scratch" | DutyName,
): void {
  if (clusterArn === undefined || secretArn === undefined) return;
  const batches = BATCHES.includes(login) ? ["rds-data:BatchExecuteStatement"] : [];
  role.addToPolicy(
    new iam.PolicyStatement({ actions: [...EXECUTE, ...batches, ...TRANSACT], resources: [clusterArn] }),
  );
  const own = { owner: undefined, reader, scratch, ...functions }[login];
  allowSecret(role, own?.secretArn ?? secretArn, keyArn);
}

/** @param keyArn of the key of KMS that it may be encrypted with */
export function allowSecret(role: iam.Role, secretArn: string, keyArn: string | undefined): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["secretsmanager:GetSecretValue"], resources: [secretArn] }));
  allowKey(role, keyArn, "secretsmanager", OPENS);
}

/** The key of KMS, where there is one: for what one service does for the role, and for nothing else. */
function allowKey(
  role: iam.Role,
  keyArn: string | undefined,
  service: "s3" | "sqs" | "secretsmanager",
  actions: string[],
): void {
  if (keyArn === undefined) return;
  const conditions = { StringEquals: { "kms:ViaService": `${service}.${Stack.of(role).region}.amazonaws.com` } };
  role.addToPolicy(new iam.PolicyStatement({ actions, resources: [keyArn], conditions }));
}

const OPENS = ["kms:Decrypt"];
/** An upload in parts is read, too, when it is put together; a queue reads what it has sealed with. */
const SEALS = ["kms:Decrypt", "kms:GenerateDataKey"];

/** Tables and their logs, for reading. */
export function allowReadingTables(role: iam.Role, tables: Tables): void {
  allowListing(role, tables);
  const reason = "Tables are made at any place in the bucket; reading them is the job.";
  allowObjects(role, tables, ["s3:GetObject"], "*", reason);
}

/** Logs alone, for reading; no row of any table. */
export function allowReadingLogs(role: iam.Role, tables: Tables): void {
  allowListing(role, tables);
  const reason = "Tables are made at any place in the bucket; reading their logs is the job.";
  for (const keys of LOGS) allowObjects(role, tables, ["s3:GetObject"], keys, reason);
}

/** The log of one table, for reading. */
export function allowReadingLog(role: iam.Role, tables: Tables, table: string): void {
  allowListing(role, tables);
  allowObjects(role, tables, ["s3:GetObject"], `${table}/_delta_log/*`, "The log of one table; reading it is the job.");
}

function allowListing(role: iam.Role, { bucketArn }: Tables): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [bucketArn] }));
}

const LOGS = ["_delta_log/*", "*/_delta_log/*"] as const;

/** Logs of tables, for writing; the data files stay out of reach. */
export function allowWritingLogs(role: iam.Role, tables: Tables): void {
  const actions = ["s3:PutObject", "s3:AbortMultipartUpload"];
  const reason = "Tables are made at any place in the bucket; only their logs may be written.";
  for (const keys of LOGS) allowObjects(role, tables, actions, keys, reason);
}

/** Files of tables, for writing: below the places where tables may be. */
export function allowWritingFiles(role: iam.Role, tables: Tables, roots: readonly string[]): void {
  const actions = ["s3:PutObject", "s3:AbortMultipartUpload"];
  const reason = "Tables are made at any place below these roots; new files of theirs are the job.";
  for (const root of roots) allowObjects(role, tables, actions, `${root}*`, reason);
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

/** What is lent of the tables, at most: each session is bounded to one of them beside. Nobody who borrows writes a log. */
export function allowBorrowing(role: iam.Role, tables: Tables, roots: readonly string[]): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [tables.bucketArn] }));
  const reason = "Tables are made at any place below these roots; a session is bounded to that of one table.";
  const actions = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"];
  for (const root of roots) allowObjects(role, tables, actions, `${root}*`, reason);
  const logs = ["_delta_log/*", "*/_delta_log/*"].map((keys) => `${tables.bucketArn}/${keys}`);
  // Where a whole bucket is a root, requests of others lie in it, too.
  const uploads = `${tables.bucketArn}/${UPLOADS_PREFIX}/*`;
  const effect = iam.Effect.DENY;
  role.addToPolicy(new iam.PolicyStatement({ effect, actions: actions.slice(1), resources: logs }));
  role.addToPolicy(new iam.PolicyStatement({ effect, actions, resources: [uploads] }));
  for (const denied of [...logs, uploads]) acknowledgeWildcard(role, denied, "A deny.");
}

/** Requests that are too large to be sent: who signs a PUT must be allowed to make it. */
export function allowUploads(role: iam.Role, tables: Tables): void {
  const reason = "Each upload has a key of its own; nothing else lies there.";
  allowObjects(role, tables, ["s3:PutObject"], `${UPLOADS_PREFIX}/*`, reason);
}

/** The rights to send traces have no resource that could be named. */
export function acknowledgeTracing(role: iam.Role): void {
  acknowledgeWildcard(role, "*", "X-Ray knows no resources for what is sent to it.");
}

function allowObjects(role: iam.Role, tables: Tables, actions: string[], keys: string, reason: string): void {
  const objects = `${tables.bucketArn}/${keys}`;
  role.addToPolicy(new iam.PolicyStatement({ actions, resources: [objects] }));
  if (actions.includes("s3:PutObject")) allowKey(role, tables.keyArn, "s3", SEALS);
  else if (actions.includes("s3:GetObject")) allowKey(role, tables.keyArn, "s3", OPENS);
  acknowledgeWildcard(role, objects, reason);
}

export function allowSending(role: iam.Role, queue: IQueue): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [queue.queueArn] }));
  allowKey(role, queue.encryptionMasterKey?.keyArn, "sqs", SEALS);
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
