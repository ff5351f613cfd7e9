/** The door: from what a request sends to who makes it. The one place that knows what credentials look like. */

import { looksLikeApiKey } from "./api-key.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Principal } from "./principal.ts";
import { badCredentials } from "./refusals.ts";
import type { Tokens } from "./tokens.ts";

export interface Door {
  /**
   * Who makes the request; undefined when it does not say. @throws LakeError unauthenticated for wrong credentials; unavailable
   * @param authorization the header of that name
   */
  identify(authorization: string | undefined): Promise<Principal | undefined>;
}

/** @param tokens absent where no identity provider is known */
export function openDoor({ keys, tokens }: { readonly keys: KeyRing; readonly tokens?: Tokens }): Door {
  return {
    async identify(authorization) {
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
