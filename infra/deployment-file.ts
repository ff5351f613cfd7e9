/** The section `deployment` of config/<stage>.yaml, as if its members had been given with `-c`; what is given there goes before. */

import { existsSync } from "node:fs";
import { readContent } from "../lib/cli/config-file.ts";
import { resolveConfig } from "../lib/config/resolve.ts";
import type { Context } from "./settings.ts";

const SECTION = "deployment";

/** By the member of the section: what `-c` calls it. */
const NAMES = {
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

/**
 * @param path of the file; one that is not there says nothing
 * @throws Error naming all that is wrong in the section; the others are for servers
 */
export async function deploymentFile(path: string, env: NodeJS.ProcessEnv): Promise<Context> {
  if (!existsSync(path)) return () => undefined;
  const content = await readContent(path, env);
  const isOurs = ({ pointer }: { readonly pointer: string }) => pointer.startsWith(`/${SECTION}`);
  const whole = content.value as Readonly<Record<string, never>>;
  const value = SECTION in whole ? { [SECTION]: whole[SECTION] } : {};
  const file = { ...content, value: value as never, findings: content.findings.filter(isOurs) };
  const own = Object.entries(env).filter(([name]) => name.startsWith("DL_DEPLOYMENT_"));
  const { config, problems } = resolveConfig({ file, env: Object.fromEntries(own) });
  if (config === undefined) {
    const told = problems.map(({ setting, detail, hint, source }) => {
      const line = source.kind === "file" && source.line !== undefined ? `:${source.line}` : "";
      return `  ${path}${line}: ${setting}: ${detail}${hint === undefined ? "" : `; ${hint}`}`;
    });
    throw new Error(`the deployment is not what it should be:\n${told.join("\n")}`);
  }
  const given = new Map<string, string>();
  for (const [member, name] of Object.entries(NAMES)) {
    const set = config.deployment?.[member as keyof typeof NAMES];
    const text = Array.isArray(set) ? set.join(",") : set === undefined ? "" : String(set);
    if (text !== "") given.set(name, text);
  }
  return (name) => given.get(name);
}
