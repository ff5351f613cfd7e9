/** What `-c NAME=…` may name, in one table; whatever else is named is refused, since nothing would come of it. */

import type { App } from "aws-cdk-lib";
import { ContextProvider } from "aws-cdk-lib/cloud-assembly-schema";
import { nearestName } from "../lib/delta/values/nearest-name.ts";

/** By the member of the section `deployment` of config/<stage>.yaml: what `-c` calls it. */
export const MEMBERS = {
  name: "name",
  termination_protection: "terminationProtection",
  alarm_mail: "alarmMail",
  encryption_key: "encryptionKey",
  existing_bucket: "existingBucket",
  existing_bucket_key: "existingBucketKey",
  storage_roots: "storageRoots",
  backup_lock: "backupLock",
  backup_key_secret: "backupKeySecret",
  vault_lock: "vaultLock",
  backup_copy_region: "backupCopyRegion",
  replicate_to: "replicateTo",
  front: "front",
  front_certificate_arn: "frontCertificateArn",
  front_secret_version: "frontSecretVersion",
  web_acl: "webAcl",
  front_rate: "frontRate",
  caller_rate: "callerRate",
  caller_burst: "callerBurst",
  vacuum: "vacuum",
  audit_retention_days: "auditRetentionDays",
  compaction: "compaction",
  canary_minutes: "canaryMinutes",
  canary_secret: "canarySecret",
  follow_events: "followEvents",
  log_operators: "logOperators",
  database_engine: "databaseEngine",
  database_insights: "databaseInsights",
  vpc: "vpc",
  vpc_subnets: "vpcSubnets",
  vpc_security_groups: "vpcSecurityGroups",
  domain_name: "domainName",
  certificate_arn: "certificateArn",
  hosted_zone_id: "hostedZoneId",
  default_endpoint: "defaultEndpoint",
  jwt_issuer: "jwtIssuer",
  jwt_audience: "jwtAudience",
  jwt_read_scope: "jwtReadScope",
  jwt_write_scope: "jwtWriteScope",
  database_url: "localDatabaseUrl",
  reader_secret: "localReaderSecret",
  scratch_secret: "localScratchSecret",
} as const;

/** What only the command line says: which file, which stage, and what of it. */
const COMMAND_LINE = ["stage", "config", "firewall"] as const;

/** What the CDK keeps for itself: flags, its own switches, and what it has looked up in an account. */
const OF_THE_CDK = ["@", "aws:", "aws-cdk:", ...Object.values(ContextProvider).map((provider) => `${provider}:`)];
/** Those of its command line, in files of it. */
const OF_ITS_COMMANDS = ["acknowledged-issue-numbers", "cli-telemetry"];

/** By each way to write it, as `-c` and as the file have it: what `-c` calls it. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...COMMAND_LINE.map((name) => [name, name] as const),
  ...Object.entries(MEMBERS).flatMap(([member, name]) => [[name, name] as const, [member, name] as const]),
]);
const KNOWN: ReadonlySet<string> = new Set(SPELLINGS.values());

/**
 * @param app with what the command line, cdk.json and cdk.context.json say
 * @throws Error naming each value that nobody would read, with the name that may be meant
 */
export function refuseUnknownNames(app: App): void {
  const unknown = Object.keys(app.node.getAllContext() as object).filter(
    (name) =>
      !KNOWN.has(name) && !OF_ITS_COMMANDS.includes(name) && !OF_THE_CDK.some((prefix) => name.startsWith(prefix)),
  );
  if (unknown.length === 0) return;
  const told = unknown.map((name) => {
    const near = SPELLINGS.get(nearestName(name, SPELLINGS.keys()) ?? "");
    return `-c ${name}=: there is no such setting.${near === undefined ? "" : ` Did you mean -c ${near}=?`}`;
  });
  const all = [...KNOWN].toSorted().join(", ");
  throw new Error(`${told.join("\n")}\nThere are: ${all}. What is not for this app belongs to another cdk.json.`);
}
