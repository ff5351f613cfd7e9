/** Why a caller is not let in, or not that far. None of these repeats what was sent. */

import { LakeError } from "../errors.ts";
import type { Access, Principal } from "./principal.ts";

const HOW =
  "Send Authorization: Bearer with an API key (dl key create NAME makes one) or a token of the identity provider.";

/** Nothing was sent that could prove anything. */
export function noCredentials(): LakeError {
  return new LakeError("unauthenticated", "this request does not say who makes it", {
    code: "UNAUTHENTICATED",
    hint: HOW,
  });
}

/** @param why as the end of a sentence that begins with what was sent */
export function badCredentials(why: string, hint: string = HOW): LakeError {
  return new LakeError("unauthenticated", why, { code: "INVALID_CREDENTIALS", hint });
}

export function expired(what: string, hint: string): LakeError {
  return new LakeError("unauthenticated", `${what} has expired`, { code: "CREDENTIALS_EXPIRED", hint });
}

export function mayNot({ id }: Principal, access: Access): LakeError {
  return new LakeError("forbidden", `${id} may read, and this request writes`, {
    code: "ACCESS_DENIED",
    hint: "Ask for a key made with --access write, or a token with the scope that writes.",
    facts: { access },
  });
}

export function noScope(readScope: string, writeScope: string): LakeError {
  return new LakeError("forbidden", "the token has no scope of this service", {
    code: "ACCESS_DENIED",
    hint: `Ask the identity provider for the scope ${readScope} or ${writeScope}.`,
  });
}

/** Grants are enforced, and this server was started when nobody was asked. */
export function nobodyAsked(): LakeError {
  return new LakeError("unauthenticated", "grants are enforced, and this server asks nobody who they are", {
    code: "UNAUTHENTICATED",
    hint: "Make a key (dl key create NAME) or name an identity provider (security.oidc), and start the server again.",
  });
}
