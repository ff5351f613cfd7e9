/** Checksums of bodies, as S3's clients send them: each is compared before the last byte goes on. */

import { createHash } from "node:crypto";
import { Crc32, Crc32c, Crc64Nvme } from "@aws-sdk/checksums/crc";
import { S3Error } from "./errors.ts";

interface Running {
  update(bytes: Uint8Array): void;
  digest(): Promise<Uint8Array> | Uint8Array;
}

const hashed = (name: string) => (): Running => {
  const hash = createHash(name);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
};

/** By the header, or trailer, that has the sum in base64. */
const BY_HEADER: Readonly<Record<string, () => Running>> = {
  "content-md5": hashed("md5"),
  "x-amz-checksum-sha1": hashed("sha1"),
  "x-amz-checksum-sha256": hashed("sha256"),
  "x-amz-checksum-crc32": () => new Crc32(),
  "x-amz-checksum-crc32c": () => new Crc32c(),
  "x-amz-checksum-crc64nvme": () => new Crc64Nvme(),
};

export type Headers = Readonly<Record<string, string>>;

/**
 * Passes the bytes on, the last chunk only when all sums that are told fit.
 * @param trailers what came behind the body, known when it is over
 * @throws S3Error BadDigest, XAmzContentSHA256Mismatch
 */
export async function* verified(
  body: AsyncIterable<Uint8Array>,
  headers: Headers,
  trailers: () => Headers,
): AsyncGenerator<Uint8Array> {
  const announced = (headers["x-amz-trailer"] ?? "").split(",").map((name) => name.trim().toLowerCase());
  const named = [...Object.keys(headers), ...announced].filter((name) => BY_HEADER[name] !== undefined);
  const sums = named.map((name) => [name, (BY_HEADER[name] as () => Running)()] as const);
  const signed = /^[0-9a-f]{64}$/.exec(headers["x-amz-content-sha256"] ?? "")?.[0];
  const sha256 = signed === undefined ? undefined : createHash("sha256");
  let last: Uint8Array | undefined;
  for await (const chunk of body) {
    for (const [, sum] of sums) sum.update(chunk);
    sha256?.update(chunk);
    if (last !== undefined) yield last;
    last = chunk;
  }
  for (const [name, sum] of sums) {
    const told = headers[name] ?? trailers()[name];
    const found = Buffer.from(await sum.digest()).toString("base64");
    if (told !== found) throw new S3Error("BadDigest", `the body does not have the ${name} that came with it`);
  }
  if (sha256 !== undefined && sha256.digest("hex") !== signed) {
    throw new S3Error("XAmzContentSHA256Mismatch", "the body does not have the x-amz-content-sha256 of its signature");
  }
  if (last !== undefined) yield last;
}
