/** Bodies that come in chunks, on S3: small ones in one call, large ones as a multipart upload that appears whole or not at all. */

import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { ObjectBody } from "../ports.ts";
import { bodyChunks } from "./keys.ts";
import { ask, createIfAbsent } from "./s3-calls.ts";
import type { S3Place } from "./s3-errors.ts";

/** Bytes of each part but the last. S3 wants 5 MiB or more and up to 10,000 parts; some servers want equal ones. */
export const PART_BYTES = 8 * 1024 * 1024;

/** The body in parts of PART_BYTES; one empty part for an empty body. */
export async function* bodyParts(body: ObjectBody): AsyncGenerator<Uint8Array, void> {
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  let any = false;
  for await (const chunk of bodyChunks(body)) {
    for (let taken = 0; taken < chunk.length; ) {
      if (filled === PART_BYTES) {
        yield part;
        any = true;
        part = new Uint8Array(PART_BYTES);
        filled = 0;
      }
      const slice = chunk.subarray(taken, taken + PART_BYTES - filled);
      part.set(slice, filled);
      filled += slice.length;
      taken += slice.length;
    }
  }
  if (filled > 0 || !any) yield part.subarray(0, filled);
}

/**
 * Uploads parts one after the other, so that at most two are in memory. The condition counts at the end. What fails is
 * aborted, since S3 bills parts that nobody finishes.
 * @throws LakeError unavailable, invalid; errors of the source as they are
 */
export async function uploadParts(
  place: S3Place,
  key: string,
  parts: AsyncIterable<Uint8Array>,
  where: "ifAbsent" | "replace",
): Promise<"created" | "exists"> {
  const target = { Bucket: place.bucket, Key: place.root + key };
  const writing = { action: "write", key } as const;
  const { UploadId } = await ask(place, writing, (sending) =>
    place.client.send(new CreateMultipartUploadCommand(target), sending),
  );
  const upload = { ...target, UploadId };
  let outcome: "created" | "exists" | undefined;
  try {
    const done: CompletedPart[] = [];
    for await (const Body of parts) {
      const PartNumber = done.length + 1;
      const part = new UploadPartCommand({ ...upload, PartNumber, Body });
      const { ETag } = await ask(place, writing, (sending) => place.client.send(part, sending));
      done.push({ PartNumber, ETag });
    }
    outcome = await complete(place, key, { ...upload, MultipartUpload: { Parts: done } }, where);
  } finally {
    if (outcome !== "created") await abort(place, upload);
  }
  return outcome;
}

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

async function complete(
  place: S3Place,
  key: string,
  upload: Upload & { readonly MultipartUpload: { Parts: CompletedPart[] } },
  where: "ifAbsent" | "replace",
): Promise<"created" | "exists"> {
  const { client } = place;
  if (where === "ifAbsent") {
    // After 409 S3 wants a new upload, and the chunks are gone: the caller comes again.
    const command = new CompleteMultipartUploadCommand({ ...upload, IfNoneMatch: "*" });
    return createIfAbsent(place, key, ["busy"], (sending) => client.send(command, sending));
  }
  await ask(place, { action: "write", key }, (sending) =>
    client.send(new CompleteMultipartUploadCommand(upload), sending),
  );
  return "created";
}

/** Best effort: what went wrong before is what the caller must hear of. */
async function abort({ client }: S3Place, upload: Upload): Promise<void> {
  await client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
}
