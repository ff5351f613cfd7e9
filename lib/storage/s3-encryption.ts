/** What S3 is told of the encryption of objects that are put: for buckets whose policy refuses what does not say it. */

import type { S3Client } from "@aws-sdk/client-s3";

/** Commands that make an object; parts of an upload have what its beginning said. */
const MAKES: ReadonlySet<string> = new Set(["PutObjectCommand", "CreateMultipartUploadCommand", "CopyObjectCommand"]);

/**
 * Headers of a put into this bucket; none where nothing has to be said.
 * @param rules of `storage.encryption`, separated by commas: `bucket=AES256`, `bucket=aws:kms`, or `bucket=ARN` of a key of KMS
 */
export function encryptionHeaders(
  bucket: string,
  rules = process.env.STORAGE_ENCRYPTION ?? "",
): Readonly<Record<string, string>> {
  const rule = rules.split(",").find((one) => one.trim().startsWith(`${bucket}=`));
  const how = rule?.slice(rule.indexOf("=") + 1).trim() ?? "";
  if (how === "") return {};
  if (!how.startsWith("arn:")) return { "x-amz-server-side-encryption": how };
  return { "x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": how };
}

/** Says it with each call of this client that makes an object, also in URLs that it signs. */
export function sayEncryption(client: S3Client): S3Client {
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) => {
        const { Bucket = "" } = args.input as { readonly Bucket?: string };
        const headers = MAKES.has(commandName) ? encryptionHeaders(Bucket) : {};
        const { "x-amz-server-side-encryption": how, "x-amz-server-side-encryption-aws-kms-key-id": key } = headers;
        if (how === undefined) return next(args);
        const said = { ServerSideEncryption: how, ...(key === undefined ? {} : { SSEKMSKeyId: key }) };
        return next({ ...args, input: { ...args.input, ...said } as typeof args.input });
      },
    { step: "initialize", name: "sayEncryption" },
  );
  return client;
}
