/** The settings of where tables lie. */

import * as z from "zod";
import { DEFAULT_CONFIG } from "../default-config.ts";
import { KEY_ARN } from "./deployment.ts";

const ENCRYPTED_BUCKET = new RegExp(`^[a-z0-9][a-z0-9.-]+=(AES256|aws:kms|${KEY_ARN.source.slice(1, -1)})$`);

export const storageSettings = z.strictObject({
  roots: z
    .array(z.string().min(1))
    .max(1000)
    .default([])
    .describe(
      "Folders and s3://bucket/prefix below which the API may make and import tables, beside `server.storage`; `/` is every folder.",
    ),
  encryption: z
    .array(z.string().regex(ENCRYPTED_BUCKET, "BUCKET=AES256, BUCKET=aws:kms, or BUCKET= and the ARN of a key of KMS"))
    .max(1000)
    .default([])
    .describe(
      "What S3 is told with each object, for buckets whose policy refuses what says nothing: `BUCKET=AES256`, `BUCKET=aws:kms`, or `BUCKET=` and the ARN of a key of KMS ([security.md](security.md#keys-of-ones-own)).",
    ),
  verify_files: z
    .boolean()
    .default(DEFAULT_CONFIG.storage.verify_files)
    .describe('Whether commits look at the files that they name ([api.md](api.md), "Files are looked at").'),
});
