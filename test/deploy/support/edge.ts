/**
 * What is before the functions on AWS, and not in the emulator: CloudFront under the name of the API, which sends along what its
 * distribution says, and IAM, which refuses whoever has not signed. Callers come by TLS, through a proxy that leads all names here.
 */

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "../../../lib/sha256.ts";
import { selfSigned } from "../../support/certificate.ts";
import type { Emulator } from "./emulator.ts";

/** Whom it lets in: who has signed with a key of the account; everybody; nobody. Away: there is no answer at all. */
export type Admission = "signed" | "everybody" | "nobody" | "away";

export interface Edge {
  /** `http://…`, for `HTTPS_PROXY`. */
  readonly proxy: string;
  /** What its callers trust, as PEM. */
  readonly certificate: string;
  /** Requests that were let in. */
  readonly passed: () => number;
  admit(whom: Admission): void;
  /** Looks at the emulator's only distribution, for what it sends along. @throws Error when there is none */
  readDistribution(aws: Emulator): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/execute-api\/aws4_request, SignedHeaders=([^,]+), /;

/** @param name of the API @param port of the emulator @param keys of the account: secret by id */
export async function startEdge(name: string, port: number, keys: ReadonlyMap<string, string>): Promise<Edge> {
  const { cert, key } = selfSigned("edge", name);
  let admission: Admission = "signed";
  let passed = 0;
  let along: ReadonlyMap<string, string> = new Map();

  const isLetIn = async (incoming: IncomingMessage, body: Buffer) =>
    admission === "everybody" || (admission === "signed" && (await isSigned(incoming, body, keys)));

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bytesOf(incoming);
    if (admission === "away") return void response.destroy();
    if (!(await isLetIn(incoming, body))) {
      response.writeHead(403, { "content-type": "application/json" }).end('{"message":"Forbidden"}');
      return;
    }
    passed += 1;
    const { method, url: path, headers } = incoming;
    const sent = request({
      hostname: "127.0.0.1",
      port,
      method,
      path,
      headers: { ...headers, ...Object.fromEntries(along) },
    });
    sent.on("response", (got) => {
      response.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(response);
    });
    sent.on("error", () => response.destroy());
    sent.end(body);
  }

  const inner = createTlsServer({ cert, key }, (incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  const sockets = new Set<Socket>();
  const outer = createServer((_, response) => response.writeHead(405).end());
  outer.on("connect", (_, socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    inner.emit("connection", socket);
  });
  await new Promise<void>((resolve) => outer.listen(0, "127.0.0.1", resolve));
  return {
    proxy: `http://127.0.0.1:${(outer.address() as AddressInfo).port}`,
    certificate: cert,
    passed: () => passed,
    admit(whom) {
      admission = whom;
    },
    async readDistribution(aws) {
      const { text } = await aws.call("cloudfront", "GET", "/2020-05-31/distribution");
      const found = text.matchAll(/<HeaderName>([^<]*)<\/HeaderName>\s*<HeaderValue>([^<]*)</g);
      along = new Map([...found].map(([, header = "", value = ""]) => [header, unescaped(value)]));
      if (along.size === 0) throw new Error(`no distribution sends anything along: ${text}`);
      return along;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => outer.close(resolve));
    },
  };
}

/** As IAM does it: the same request, signed with the secret of the key that it names, has the same signature. */
async function isSigned(incoming: IncomingMessage, body: Buffer, keys: ReadonlyMap<string, string>): Promise<boolean> {
  const { authorization = "", "x-amz-date": date = "" } = incoming.headers as Record<string, string>;
  const [, accessKeyId = "", region = "", names = ""] = AUTHORIZATION.exec(authorization) ?? [];
  const secretAccessKey = keys.get(accessKeyId);
  if (secretAccessKey === undefined) return false;
  const signed = names.split(";").filter((name) => name !== "x-amz-date");
  const headers = Object.fromEntries(signed.map((name) => [name, String(incoming.headers[name])]));
  const { "x-amz-security-token": sessionToken } = headers;
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    region,
    service: "execute-api",
    sha256: Sha256,
  });
  const url = new URL(incoming.url ?? "/", `https://${incoming.headers.host}`);
  const [, year, month, day, hours, minutes, seconds] = /^(....)(..)(..)T(..)(..)(..)Z$/.exec(date) ?? [];
  const again = await signer.sign(
    {
      method: incoming.method ?? "",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers,
      ...(body.length === 0 ? {} : { body: body.toString("utf8") }),
    },
    { signingDate: new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`) },
  );
  return again.headers.authorization === authorization;
}

async function bytesOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function unescaped(text: string): string {
  const signs: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replaceAll(/&(\w+);/g, (whole, name: string) => signs[name] ?? whole);
}
