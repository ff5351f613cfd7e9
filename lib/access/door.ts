/** The door: from what a request brings along to who makes it. The one place that knows what credentials look like. */

import { looksLikeApiKey } from "./api-key.ts";
import { type ClientCertificate, holderOfCertificate } from "./certificates.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Principal } from "./principal.ts";
import { badCredentials } from "./refusals.ts";
import type { Tokens } from "./tokens.ts";

/** What a request brings along that may say who makes it. */
export interface Sent {
  /** The header Authorization. */
  readonly authorization: string | undefined;
  /** The event of API Gateway, behind it. */
  readonly event: unknown;
  /** Of the connection, where the server's authority has signed it. */
  readonly certificate?: ClientCertificate | undefined;
}

export interface Door {
  /** Who makes the request; undefined when it does not say. @throws LakeError unauthenticated, forbidden, unavailable */
  identify(sent: Sent): Promise<Principal | undefined>;
  /** What becomes of requests that do not say who makes them. */
  readonly unnamed: "refused" | "welcome";
}

export interface Credentials {
  readonly keys: KeyRing;
  /** Absent where no identity provider is known. */
  readonly tokens?: Tokens | undefined;
  /** Milliseconds since the epoch, where certificates count. */
  readonly now?: () => number;
}

/** What a request itself brings along counts before the certificate of its connection, which may be that of a proxy. */
export function openDoor({ keys, tokens, now }: Credentials): Door {
  return {
    unnamed: "refused",
    async identify({ authorization, certificate }) {
      if (authorization === undefined)
        return certificate === undefined || now === undefined ? undefined : holderOfCertificate(certificate, now());
      const credentials = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1];
      if (credentials === undefined)
        throw badCredentials("the header Authorization is not Bearer with one key or token");
      if (looksLikeApiKey(credentials)) return keys.holderOf(credentials);
      if (tokens === undefined)
        throw badCredentials("what was sent is no API key, and no identity provider is known here");
      return tokens.holderOf(credentials);
    },
  };
}
