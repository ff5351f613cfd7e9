/** An identity provider on this machine: keys that rotate, tokens of every kind, and faults. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import type { Issuer } from "../../lib/access/tokens.ts";

export const AUDIENCE = "https://lake.example";

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

interface Key {
  readonly kid: string | undefined;
  readonly alg: string;
  readonly privateKey: KeyPair["privateKey"];
  readonly publicKey: KeyPair["publicKey"];
}

export type Fault = "none" | "status" | "silent" | "text" | "empty" | "huge" | "moved";

export interface TestIssuer {
  readonly url: string;
  /** How many times its keys, or the way to them, were asked for. */
  asked: { keys: number; discovery: number };
  fault: Fault;
  /** The keys that it shows. */
  shown: Key[];
  /** What its configuration says that it is. */
  named: string;
  settings(more?: Partial<Issuer>): Issuer;
  newKey(kid?: string, alg?: string): Promise<Key>;
  /** A token that is right but for what is given. */
  token(options?: {
    readonly key?: Key;
    readonly claims?: Readonly<Record<string, unknown>>;
    readonly header?: Readonly<Record<string, unknown>>;
    readonly now?: number;
  }): Promise<string>;
  /** Signed with a secret that is the text of a public key. */
  confused(): Promise<string>;
  /** Not signed at all. */
  unsigned(): string;
  close(): Promise<void>;
}

export async function startIssuer(): Promise<TestIssuer> {
  const server = createServer(async (request, response) => {
    const wellKnown = request.url === "/.well-known/openid-configuration";
    issuer.asked[wellKnown ? "discovery" : "keys"] += 1;
    if (issuer.fault === "silent") return undefined;
    if (issuer.fault === "status") return response.writeHead(500).end("secret of the provider");
    if (issuer.fault === "moved") return response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    if (issuer.fault === "text") return response.end("<html>");
    if (issuer.fault === "empty") return response.end('{"keys":[]}');
    if (issuer.fault === "huge") return response.end(`{"keys":["${"x".repeat(2 ** 21)}"]}`);
    if (wellKnown) return response.end(JSON.stringify({ issuer: issuer.named, jwks_uri: `${issuer.url}/keys` }));
    const keys = await Promise.all(
      issuer.shown.map(async ({ kid, alg, publicKey }) => ({ ...(await exportJWK(publicKey)), kid, alg, use: "sig" })),
    );
    return response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rightClaims = (now: number) => ({
    iss: url,
    aud: AUDIENCE,
    sub: "alice",
    scope: "openid deltalakedb.read deltalakedb.write",
    iat: Math.floor(now / 1000),
    exp: Math.floor(now / 1000) + 300,
  });
  const issuer: TestIssuer = {
    url,
    asked: { keys: 0, discovery: 0 },
    fault: "none",
    shown: [],
    named: url,
    settings: (more = {}) => ({
      issuer: url,
      audience: [AUDIENCE],
      algorithms: ["RS256", "ES256"],
      clockSkewSeconds: 30,
      readScope: "deltalakedb.read",
      writeScope: "deltalakedb.write",
      userClaim: "sub",
      userPrefix: "",
      nameClaim: "preferred_username",
      groupsClaim: "groups",
      ...more,
    }),
    async newKey(kid, alg = "ES256") {
      return { kid, alg, ...(await generateKeyPair(alg, { extractable: true })) };
    },
    async token({ key = issuer.shown[0], claims = {}, header = {}, now = Date.now() } = {}) {
      if (key === undefined) throw new Error("the issuer has no key");
      const payload = { ...rightClaims(now), ...claims };
      return new SignJWT(payload)
        .setProtectedHeader({ alg: key.alg, ...(key.kid === undefined ? {} : { kid: key.kid }), ...header })
        .sign(key.privateKey);
    },
    async confused() {
      const [key] = issuer.shown;
      if (key === undefined) throw new Error("the issuer has no key");
      const secret = new TextEncoder().encode(await exportSPKI(key.publicKey));
      return new SignJWT(rightClaims(Date.now()))
        .setProtectedHeader({ alg: "HS256", ...(key.kid === undefined ? {} : { kid: key.kid }) })
        .sign(secret);
    },
    unsigned() {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
      return `${part({ alg: "none" })}.${part(rightClaims(Date.now()))}.`;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}
