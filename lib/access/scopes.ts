/** What the scopes of a token allow: known once, for tokens that we check and for those that API Gateway has checked. */

import type { Scopes } from "./issuer-rules.ts";
import type { Access } from "./principal.ts";
import { noScope } from "./refusals.ts";

/**
 * `scope` is a text with spaces (RFC 8693), `scp` of Okta and Entra a list or a text. Nothing else parts them: a comma may be in a scope.
 * @throws LakeError forbidden when there is none of ours
 */
export function accessOf(claims: Readonly<Record<string, unknown>>, scopes: Scopes): Access {
  const given = [claims.scope, claims.scp].flat().flatMap((part) => (typeof part === "string" ? part.split(" ") : []));
  if (given.includes(scopes.writeScope)) return "write";
  if (given.includes(scopes.readScope)) return "read";
  throw noScope(scopes.readScope, scopes.writeScope);
}
