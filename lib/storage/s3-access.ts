/** How this process reaches S3, for those who speak its protocol themselves: address, region and credentials as the SDK finds them. */

import type { S3Access } from "../ports.ts";
import { newS3Client } from "./s3.ts";
import { encryptionHeaders } from "./s3-encryption.ts";

export async function s3Access(): Promise<S3Access> {
  const { config } = newS3Client();
  const region = await config.region();
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const endpoint = AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL;
  const asked = { Region: region, ForcePathStyle: Boolean(endpoint), ...(endpoint ? { Endpoint: endpoint } : {}) };
  return {
    addressOf: (Bucket) => config.endpointProvider({ ...asked, Bucket }).url,
    region,
    credentials: () => config.credentials(),
    headersOf: encryptionHeaders,
  };
}
