/** Passes requests on to S3, signed with the credentials of this process. Bodies go through as they come. */

import { Agent, type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps, Agent as TlsAgent } from "node:https";
import { pipeline } from "node:stream/promises";
import { SignatureV4 } from "@smithy/signature-v4";
import { deadlineMs } from "../../deadlines.ts";
import { errorText, isLakeError, unavailable } from "../../errors.ts";
import type { S3Access } from "../../ports.ts";
import { Sha256 } from "../../sha256.ts";
import { S3Error } from "../errors.ts";
import type { S3Answer, S3Request, Upstream } from "../exchange.ts";

export interface ForwardOptions extends S3Access {
  /** The one bucket that is behind the gateway. */
  readonly bucket: string;
}

/** Connections at once; further requests wait for one. */
const CONNECTIONS = 256;
/** Of answers: those that say how the connection is used. */
const OF_THE_WAY = /^(?:connection|keep-alive|transfer-encoding|date|server|x-amz-request-id|x-amz-id-2)$/;

export function forwardUpstream({ bucket, addressOf, headersOf, region, credentials }: ForwardOptions): Upstream {
  const signer = new SignatureV4({ credentials, region, service: "s3", sha256: Sha256, uriEscapePath: false });
  const place = addressOf(bucket);
  const isSecure = place.protocol === "https:";
  const agent = isSecure
    ? new TlsAgent({ keepAlive: true, maxSockets: CONNECTIONS })
    : new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  return {
    async send(request) {
      if (request.bucket !== bucket)
        throw new S3Error("NoSuchBucket", `the gateway is in front of the bucket ${bucket} alone`);
      const path = `${place.pathname.replace(/\/$/, "")}/${encodedKey(request.key)}`;
      const signed = await signer.sign({
        method: request.method,
        protocol: place.protocol,
        hostname: place.hostname,
        path,
        query: queryOf(request.query),
        headers: {
          ...(makesObject(request) ? headersOf(bucket) : {}),
          ...withOwnSource(request, bucket),
          host: place.host,
          "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
          ...(BODILESS.has(request.method) ? {} : { "content-length": String(request.length) }),
        },
      });
      const search = request.query.size === 0 ? "" : `?${searchOf(request.query)}`;
      const port = place.port === "" ? {} : { port: place.port };
      const target = { agent, method: request.method, hostname: place.hostname, ...port, path: path + search };
      return answerOf(await sent(isSecure, { ...target, headers: signed.headers }, request));
    },
  };
}

/** An object, or the beginning of one that comes in parts. */
function makesObject({ method, query }: S3Request): boolean {
  return method === "PUT" ? !query.has("uploadId") : method === "POST" && query.has("uploads");
}

const BODILESS = new Set(["GET", "HEAD", "DELETE"]);

/** As AWS encodes the paths of keys. */
function encodedKey(key: string): string {
  return key.split("/").map(encoded).join("/");
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function queryOf(query: URLSearchParams): Record<string, string> {
  return Object.fromEntries(query);
}

function searchOf(query: URLSearchParams): string {
  return [...query].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
}

/** Within the one bucket, whatever a source says. */
function withOwnSource({ headers }: S3Request, bucket: string): Record<string, string> {
  const source = headers["x-amz-copy-source"];
  if (source !== undefined && decodeURIComponent(source.replace(/^\//, "")).split("/")[0] !== bucket) {
    throw new S3Error("NoSuchBucket", `the gateway is in front of the bucket ${bucket} alone`);
  }
  return { ...headers };
}

async function sent(isSecure: boolean, target: RequestOptions, { body, method }: S3Request): Promise<IncomingMessage> {
  const outgoing = (isSecure ? requestHttps : requestHttp)(target);
  outgoing.setTimeout(deadlineMs("s3Silence"), () => outgoing.destroy(new Error("S3 is silent")));
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  let failure: unknown;
  const passing = BODILESS.has(method)
    ? Promise.resolve(void outgoing.end())
    : pipeline(body, outgoing).catch((error: unknown) => {
        failure = error;
      });
  try {
    // S3 may answer before it has all, when it refuses.
    return await Promise.race([
      answered,
      passing.then(() => (failure === undefined ? answered : Promise.reject(failure))),
    ]);
  } catch (error) {
    outgoing.destroy();
    answered.catch(() => undefined);
    if (error instanceof S3Error || isLakeError(error)) throw error;
    throw unavailable(`S3 does not answer: ${errorText(error)}`, { code: "S3_UNAVAILABLE", cause: error });
  }
}

function answerOf(incoming: IncomingMessage): S3Answer {
  const headers = Object.entries(incoming.headers).flatMap(([name, value]) =>
    value === undefined || OF_THE_WAY.test(name) ? [] : [[name, String(value)] as const],
  );
  return { status: incoming.statusCode ?? 502, headers: Object.fromEntries(headers), body: incoming };
}
