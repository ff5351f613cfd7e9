/** Signatures of clients (AWS Signature Version 4): computed once more with the key that they name, and compared. */

import { createHash, timingSafeEqual } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../sha256.ts";
import type { ChunkCheck } from "./aws-chunked.ts";
import { S3Error } from "./errors.ts";

/** Secret keys by the ids of access keys. */
export interface Keys {
  get(accessKeyId: string): string | undefined | Promise<string | undefined>;
}

/** A request as it came. */
export interface Signed {
  readonly method: string;
  /** Percent-encoded, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Milliseconds that the clocks of client and gateway may be apart: S3's own limit. */
const SKEW_MS = 15 * 60_000;

/** The access key that a request names; undefined where it is not signed. Nothing is proven by it. */
export function accessKeyOf({ headers }: Pick<Signed, "headers">): string | undefined {
  return AUTHORIZATION.exec(headers.authorization ?? "")?.groups?.id;
}

/**
 * @returns the check of signed chunks, where the body has them
 * @throws S3Error AccessDenied, InvalidAccessKeyId, RequestTimeTooSkewed, SignatureDoesNotMatch
 */
export async function checkSignature(request: Signed, keys: Keys, nowMs: number): Promise<ChunkCheck | undefined> {
  const { headers } = request;
  const told = AUTHORIZATION.exec(headers.authorization ?? "")?.groups;
  if (told === undefined) {
    throw new S3Error(
      "AccessDenied",
      "the request is not signed: send AWS Signature Version 4 in the header Authorization",
    );
  }
  const { id = "", region = "", service = "", signature = "", names = "" } = told;
  const secretAccessKey = await keys.get(id);
  if (secretAccessKey === undefined)
    throw new S3Error("InvalidAccessKeyId", "the gateway does not know this access key");
  const signingDate = dateOf(headers["x-amz-date"] ?? "", nowMs);
  const signer = new SignatureV4({
    credentials: { accessKeyId: id, secretAccessKey },
    region,
    service,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const signable = new Set(names.split(";"));
  if (!signable.has("host")) throw new S3Error("AccessDenied", "the signature leaves out the host");
  const expected = await signer.sign(asSigned(request, signable), { signingDate, signableHeaders: signable });
  const wanted = AUTHORIZATION.exec(expected.headers.authorization ?? "")?.groups?.signature ?? "";
  if (!isSame(wanted, signature)) throw mismatch("the signature does not fit the request and the secret key");
  if (!headers["x-amz-content-sha256"]?.startsWith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")) return undefined;
  const scope = [(headers["x-amz-date"] ?? "").slice(0, 8), region, service, "aws4_request"].join("/");
  const sign = (text: string) => signer.sign(text, { signingDate });
  return chunkCheck([headers["x-amz-date"] ?? "", scope].join("\n"), signature, sign);
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256\s+Credential=(?<id>[^/,]+)\/\d{8}\/(?<region>[^/,]+)\/(?<service>[^/,]+)\/aws4_request,\s*SignedHeaders=(?<names>[^,]+),\s*Signature=(?<signature>[0-9a-f]{64})$/;

function asSigned({ method, path, query, headers }: Signed, signable: ReadonlySet<string>) {
  const values: Record<string, string[]> = {};
  for (const [name, value] of query) values[name] = [...(values[name] ?? []), value];
  const sum = headers["x-amz-content-sha256"];
  const kept = Object.entries(headers).filter(([name]) => signable.has(name));
  return {
    method,
    path,
    query: values,
    headers: { ...Object.fromEntries(kept), ...(sum === undefined ? {} : { "x-amz-content-sha256": sum }) },
    protocol: "http:",
    hostname: "",
  };
}

function dateOf(text: string, nowMs: number): Date {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const date = new Date(
    parts === null
      ? ""
      : text.replace(parts[0], `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`),
  );
  if (Number.isNaN(date.getTime())) throw new S3Error("AccessDenied", "the request has no x-amz-date");
  if (Math.abs(date.getTime() - nowMs) > SKEW_MS) {
    throw new S3Error("RequestTimeTooSkewed", "the clocks of client and gateway are more than 15 minutes apart");
  }
  return date;
}

/** Each chunk is signed with the signature of the one before it (S3: "Signature calculations … multiple chunks"). */
function chunkCheck(place: string, seed: string, sign: (text: string) => Promise<string>): ChunkCheck {
  let before = seed;
  let told = "";
  let hash = createHash("sha256");
  const empty = createHash("sha256").digest("hex");
  return {
    begin(signature) {
      told = signature;
      hash = createHash("sha256");
    },
    update: (bytes) => void hash.update(bytes),
    async end() {
      const text = ["AWS4-HMAC-SHA256-PAYLOAD", place, before, empty, hash.digest("hex")].join("\n");
      if (!isSame(await sign(text), told)) throw mismatch("the signature of a chunk does not fit its bytes");
      before = told;
    },
  };
}

function mismatch(message: string): S3Error {
  return new S3Error("SignatureDoesNotMatch", message);
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
