/** What a deployment on AWS is told, stage by stage: written down in its file, so that no deploy depends on what somebody types. */

import * as z from "zod";
import { DEFAULT_SCOPES } from "../access/issuer-rules.ts";
import { callerBurst, callerRate } from "./callers.ts";
import { scope } from "./forms.ts";

const arn = z.string().startsWith("arn:");

/** Of a key of KMS, and of no alias: an alias may come to name another key, which could not read what was written by the first. */
export const KEY_ARN =
  /^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** Of Aurora. */
export const DATABASE_ENGINES = ["aurora-postgresql", "aurora-mysql"] as const;
export type DatabaseEngine = (typeof DATABASE_ENGINES)[number];
/** Of CloudWatch: none, a week of load by statement, or fifteen months. */
export const DATABASE_INSIGHTS = ["off", "standard", "advanced"] as const;
export type DatabaseInsights = (typeof DATABASE_INSIGHTS)[number];

/** Forms of ids of EC2. */
export const VPC_ID = /^vpc-[0-9a-f]{8,17}$/;
export const SUBNET_ID = /^subnet-[0-9a-f]{8,17}$/;
export const SECURITY_GROUP_ID = /^sg-[0-9a-f]{8,17}$/;

export const DOMAIN_NAME = /^(?=.{4,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/;
export const CERTIFICATE_ARN = /^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/;
export const DEFAULT_ENDPOINT = ["open", "closed"] as const;
/** What may be before the API. */
export const FRONT = ["none", "cloudfront"] as const;
/** AWS WAF has those of CloudFront in this one region. */
export const WEB_ACL_ARN = /^arn:[\w-]+:wafv2:us-east-1:\d{12}:global\/webacl\/[\w-]+\/[\w-]+$/;
export const SECRET_VERSION = /^[A-Za-z0-9-]{32,64}$/;
const certificate = z.string().regex(CERTIFICATE_ARN, "the ARN of a certificate of ACM");

export const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;
const region = z.string().regex(REGION, "a region, such as eu-west-1");
export const VAULT_LOCK = ["governance", "compliance"] as const;
export type VaultLock = (typeof VAULT_LOCK)[number];

const KEY_FORM = "the ARN of a key of KMS: arn:aws:kms:REGION:ACCOUNT:key/ID";

export const deploymentSettings = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,23}$/, "small letters, digits and hyphens, 24 at most")
      .optional()
      .describe(
        "What its stacks, functions and alarms begin with, where one account and region has several (`deltalakedb`).",
      ),
    termination_protection: z
      .boolean()
      .optional()
      .describe("Whether CloudFormation refuses to delete the data stack. Say so once the first deploy has succeeded."),
    alarm_mail: z
      .string()
      .min(1)
      .optional()
      .describe("Who gets the alarms; `none` for nobody, which production has to say."),
    encryption_key: z
      .union([z.enum(["aws", "own"]), z.string().regex(KEY_ARN, `aws, own, or ${KEY_FORM}`)])
      .optional()
      .describe(
        "What tables, database, secrets, queues, logs and alarms are encrypted with: keys of AWS (`aws`, the default), a key of KMS that the stack makes and rotates (`own`), or one of yours by its ARN.",
      ),
    existing_bucket: z.string().min(3).optional().describe("A bucket of yours in place of a new one."),
    existing_bucket_key: z
      .string()
      .regex(KEY_ARN, KEY_FORM)
      .optional()
      .describe("ARN of the key of KMS that this bucket encrypts with (SSE-KMS): the functions may use it through S3."),
    storage_roots: z
      .array(z.string().min(1))
      .optional()
      .describe(
        "Places (`s3://bucket/prefix`) below which the API may make and import tables, beside `tables/` in the bucket.",
      ),
    backup_lock: z
      .enum(["governance", "compliance"])
      .optional()
      .describe("Whether a role may delete a backup before its time (`governance`), or nobody."),
    backup_key_secret: arn.optional().describe("ARN of the secret whose text is the key of encrypted backups."),
    vault_lock: z
      .enum(VAULT_LOCK)
      .optional()
      .describe(
        "Whether the lock of the snapshots may be taken off by who may (`governance`, the default), or by nobody once three days have gone by (`compliance`).",
      ),
    backup_copy_region: region
      .optional()
      .describe("A second region: snapshots of the database and backups of the catalog are copied to a stack there."),
    replicate_to: region
      .optional()
      .describe("A second region, the same one: the bucket of the tables is replicated to a bucket there."),
    vacuum: z.boolean().optional().describe("Whether maintenance removes files that no version needs."),
    audit_retention_days: z
      .number()
      .min(0)
      .max(36_500)
      .optional()
      .describe("Days that rows of the audit trail stay at least; 0, or absent: for ever."),
    compaction: z
      .enum(["none", "policy", "all"])
      .optional()
      .describe(
        "Whether a function is deployed that makes large files of small ones: of the tables whose policy asks for it (`dl policy set`), or of all that do not say otherwise.",
      ),
    canary_minutes: z
      .int()
      .min(0)
      .max(60)
      .optional()
      .describe(
        "Every how many minutes a function tries the service as a client does, and alarms; 0 or absent: never.",
      ),
    canary_secret: arn
      .optional()
      .describe(
        'ARN of the secret with its client at the identity provider, where callers are known by tokens: `{"tokenUrl", "clientId", "clientSecret", "scope"}`.',
      ),
    follow_events: z
      .boolean()
      .optional()
      .describe(
        "Whether S3 tells of each version that is put into a log, so that followed tables are looked at at once, and not once a minute.",
      ),
    log_operators: z.array(arn).optional().describe("ARNs of the roles that may set a foreign file in a log aside."),
    database_engine: z
      .enum(DATABASE_ENGINES)
      .optional()
      .describe(
        "The Aurora that is made: of PostgreSQL (`aurora-postgresql`, the default) or of MySQL. Chosen for good with the first deploy.",
      ),
    database_insights: z
      .enum(DATABASE_INSIGHTS)
      .optional()
      .describe(
        "What CloudWatch shows of the load of Aurora, by statement: nothing (`off`, the default), a week of it (`standard`), or fifteen months (`advanced`).",
      ),
    vpc: z
      .union([z.enum(["none", "own"]), z.string().regex(VPC_ID, "none, own, or the id of a VPC: vpc-…")])
      .optional()
      .describe(
        "Where functions run: in no network of yours (`none`, the default), in one that is made for them and has no way out but to the services that they call (`own`), or in a VPC of yours, by its id.",
      ),
    vpc_subnets: z
      .array(z.string().regex(SUBNET_ID, "the id of a subnet: subnet-…"))
      .optional()
      .describe("Its subnets, where the VPC is one of yours."),
    vpc_security_groups: z
      .array(z.string().regex(SECURITY_GROUP_ID, "the id of a security group: sg-…"))
      .optional()
      .describe("Groups in it that functions belong to, in place of a new one that lets TLS out and nothing in."),
    domain_name: z
      .string()
      .regex(DOMAIN_NAME, "a name such as lake.example.org")
      .optional()
      .describe("The name of the API, beside the one that API Gateway gives it."),
    certificate_arn: certificate
      .optional()
      .describe("ARN of a certificate of ACM for that name, in the region of the deployment."),
    hosted_zone_id: z
      .string()
      .regex(/^Z[A-Z0-9]+$/, "the id of a hosted zone of Route 53: Z…")
      .optional()
      .describe(
        "The zone of Route 53 in which the name gets its record; without it the output `DomainTarget` says what the record has to name.",
      ),
    default_endpoint: z
      .enum(DEFAULT_ENDPOINT)
      .optional()
      .describe("Whether the name that API Gateway gives is answered, too (`open`, the default), or not (`closed`)."),
    front: z
      .enum(FRONT)
      .optional()
      .describe(
        "What is before the API: nothing (`none`, the default), or CloudFront with a firewall (`cloudfront`), around which nobody gets.",
      ),
    front_certificate_arn: certificate
      .optional()
      .describe("ARN of a certificate of ACM for `domain_name` in us-east-1, where CloudFront has its own."),
    front_secret_version: z
      .string()
      .regex(SECRET_VERSION, "the id of a version of a secret: 32 to 64 letters, digits and hyphens")
      .optional()
      .describe("The version of its secret that CloudFront sends; the current one if absent. Said to change it."),
    web_acl: z
      .string()
      .regex(WEB_ACL_ARN, "the ARN of a web ACL of CloudFront, which is in us-east-1")
      .optional()
      .describe("ARN of the web ACL of AWS WAF: yours, or the one that `-c firewall=true` makes."),
    front_rate: z
      .int()
      .min(10)
      .optional()
      .describe("Requests of one address in five minutes that the web ACL of `-c firewall=true` lets in (30,000)."),
    caller_rate: callerRate
      .optional()
      .describe("Requests a second of one caller that one container of a function lets in; 0 or absent: any number."),
    caller_burst: callerBurst.optional().describe("How many of them may come at once."),
    jwt_issuer: z.string().min(1).optional().describe("Tokens of this issuer in place of IAM."),
    jwt_audience: z.array(z.string().min(1)).optional().describe("What they must be for."),
    jwt_read_scope: scope.optional().describe(`The scope that may read; \`${DEFAULT_SCOPES.readScope}\` if absent.`),
    jwt_write_scope: scope
      .optional()
      .describe(`The scope that may write, and read; \`${DEFAULT_SCOPES.writeScope}\` if absent.`),
    database_url: z
      .string()
      .startsWith("rds-data://")
      .optional()
      .describe("A database that is there already (`rds-data://…`), in place of a new Aurora.")
      .meta({ secret: true }),
    reader_secret: arn.optional().describe("ARN of the secret with its login that may only read."),
    scratch_secret: arn.optional().describe("ARN of the secret with its login for restores for practice."),
  })
  .optional();
