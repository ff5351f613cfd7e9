/** The door: from what a request brings along to who makes it. The one place that knows what credentials look like. */

import { looksLikeApiKey } from "./api-key.ts";
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
}

export interface Door {
  /** Who makes the request; undefined when it does not say. @throws LakeError unauthenticated, forbidden, unavailable */
  identify(sent: Sent): Promise<Principal | undefined>;
  /** What becomes of requests that do not say who makes them. */
  readonly unnamed: "refused" | "welcome";
}

/** @param tokens absent where no identity provider is known */
export function openDoor({ keys, tokens }: { readonly keys: KeyRing; readonly tokens?: Tokens | undefined }): Door {
  return {
    unnamed: "refused",
    async identify({ authorization }) {
      if (authorization === undefined) return undefined;
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
