/** Wire contract of `POST /v1/uploads`, and of a commit whose body was uploaded. */

import { integer, millis, uuid, z } from "./values.ts";

export const uploadRequest = z
  .strictObject({
    bytes: integer(1, { description: "Exact length of the body that will be sent", examples: [20971520] }),
  })
  .meta({ id: "UploadRequest" });

export const uploadAnswer = z
  .object({
    uploadId: uuid,
    url: z.url().meta({
      description:
        "Send the body here with PUT, and its exact Content-Length. It needs no other credentials: keep it secret",
    }),
    bytes: z.int(),
    headers: z.record(z.string(), z.string()).meta({ description: "To be sent along; none for most buckets" }),
    expiresAt: millis.meta({ description: "When the URL stops working" }),
  })
  .meta({ id: "UploadAnswer" });

/** In place of the commit itself. */
export const uploadedCommit = z
  .strictObject({
    upload: uuid.meta({ description: "uploadId of `POST /v1/uploads`, whose body is a CommitRequest" }),
  })
  .meta({ id: "UploadedCommit" });

export const uploadExamples = { large: { summary: "For a body of 20 MiB", value: { bytes: 20971520 } } };

export const uploadedExample = {
  summary: "What was uploaded",
  value: { upload: "7d2f9c1e-3b54-4f0a-9d1c-2a8b6f4e0c11" },
};

export const uploadAnswerExample = {
  uploadId: uploadedExample.value.upload,
  url: "https://bucket.s3.amazonaws.com/uploads/7d2f9c1e-3b54-4f0a-9d1c-2a8b6f4e0c11?X-Amz-Signature=9d1c2a8b",
  bytes: 20971520,
  headers: {},
  expiresAt: 1767226500000,
};
