/** What a deployment on AWS is told, stage by stage: written down in its file, so that no deploy depends on what somebody types. */

import * as z from "zod";

const arn = z.string().startsWith("arn:");

/** Of a key of KMS, and of no alias: an alias may come to name another key, which could not read what was written by the first. */
export const KEY_ARN =
  /^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
export const deploymentSettings = z
  .strictObject({
    alarm_mail: z
      .string()
      .min(1)
      .optional()
      .describe("Who gets the alarms; `none` for nobody, which production has to say."),
    existing_bucket: z.string().min(3).optional().describe("A bucket of yours in place of a new one."),
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
    vacuum: z.boolean().optional().describe("Whether maintenance removes files that no version needs."),
    log_operators: z.array(arn).optional().describe("ARNs of the roles that may set a foreign file in a log aside."),
    jwt_issuer: z.string().min(1).optional().describe("Tokens of this issuer in place of IAM."),
    jwt_audience: z.array(z.string().min(1)).optional().describe("What they must be for."),
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
