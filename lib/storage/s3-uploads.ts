/** Uploads on S3: a presigned PUT for a request body that is too large to come through a gateway. */

import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { invalid, notFound } from "../errors.ts";
import type { Clock, Uploads } from "../ports.ts";
import { UPLOADS_PREFIX } from "./keys.ts";
import { newS3Client, openS3Store } from "./s3.ts";
import { encryptionHeaders } from "./s3-encryption.ts";

const VALID_SECONDS = 900;

export interface S3UploadsOptions {
  readonly bucket: string;
  readonly clock: Clock;
  /** Makes the URL, with its own credentials: whoever has the URL needs none. */
  readonly client?: S3Client;
}

export function openS3Uploads({ bucket, clock, client = newS3Client() }: S3UploadsOptions): Uploads {
  const store = openS3Store({ bucket, prefix: UPLOADS_PREFIX, client });
  return {
    async offer({ bytes }) {
      const uploadId = clock.newId();
      // The length is part of the signature: S3 takes this many bytes, and no other number.
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: `${UPLOADS_PREFIX}/${uploadId}`,
        ContentLength: bytes,
      });
      const expiresAt = clock.now() + VALID_SECONDS * 1000;
      const url = await getSignedUrl(client, command, { expiresIn: VALID_SECONDS });
      return { uploadId, url, bytes, headers: encryptionHeaders(bucket), expiresAt };
    },
    async read(uploadId, { limitBytes }) {
      // Who may write to the bucket may put anything here.
      const info = await store.head(uploadId);
      if (info !== undefined && info.size > limitBytes) throw tooLarge(uploadId, info.size, limitBytes);
      const found = info === undefined ? undefined : await store.get(uploadId);
      if (found === undefined) throw missing(uploadId);
      return found.bytes;
    },
  };
}

function tooLarge(uploadId: string, size: number, limitBytes: number): Error {
  return invalid(`the upload ${uploadId} has ${size} bytes, more than ${limitBytes}`, {
    at: "/upload",
    code: "BODY_TOO_LARGE",
    hint: "Split the commit into several.",
    facts: { limitBytes },
  });
}

function missing(uploadId: string): Error {
  return notFound(`there is no upload ${uploadId}`, {
    at: "/upload",
    code: "UPLOAD_NOT_FOUND",
    hint:
      "PUT the body to the URL that POST /v1/uploads gave, then commit; uploads are kept for a day. " +
      "GET /v1/transactions/{transactionId} says whether a commit was made already.",
  });
}
