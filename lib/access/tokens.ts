/** Who a signed token (JWT) speaks of: its issuer's signature, audience, times and scopes are checked, and nothing else believed. */

import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { isLakeError } from "../errors.ts";
import type { ALGORITHMS, Scopes } from "./issuer-rules.ts";
import { openKeySet } from "./key-set.ts";
import type { Principal } from "./principal.ts";
import { badCredentials, expired } from "./refusals.ts";
import { accessOf } from "./scopes.ts";

/** An identity provider, and how its tokens are read. */
export interface Issuer extends Scopes {
  /** Exactly as `iss` has it. */
  readonly issuer: string;
  /** One of them must be in `aud`. */
  readonly audience: readonly string[];
  /** Where its keys are; found by OpenID Connect Discovery if absent. */
  readonly jwksUrl?: string | undefined;
  readonly algorithms: readonly (typeof ALGORITHMS)[number][];
  readonly clockSkewSeconds: number;
  /** The claim that names the user, and what is put before it: NAME of `user:NAME`. */
  readonly userClaim: string;
  readonly userPrefix: string;
  /** The claim with a name for people; that of the user where it is absent. */
  readonly nameClaim: string;
  readonly groupsClaim: string;
}

export interface Tokens {
  /** @throws LakeError unauthenticated, forbidden, unavailable */
  holderOf(token: string): Promise<Principal>;
}

export interface TokensOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly fetch?: typeof fetch;
  readonly monotonic?: () => number;
  /** The keys of an issuer could not be had. */
  readonly onError?: (issuer: string, error: unknown) => void;
}

export function openTokens(issuers: readonly Issuer[], options: TokensOptions): Tokens {
  const { now, onError, monotonic = () => performance.now() } = options;
  const known = new Map(
    issuers.map((settings) => {
      const { issuer, jwksUrl } = settings;
      const keys = openKeySet({
        issuer,
        jwksUrl,
        monotonic,
        fetch: options.fetch ?? globalThis.fetch,
        onError: (error) => onError?.(issuer, error),
      });
      return [issuer, { settings, keys }] as const;
    }),
  );
  return {
    async holderOf(token) {
      const issuer = known.get(String(issuerOf(token)));
      if (issuer === undefined) throw badCredentials("the token is of no issuer that is known here");
      const claims = await verified(token, issuer.keys, issuer.settings, now());
      return holder(claims, issuer.settings);
    },
  };
}

/** Not verified: it only says whose keys to try. */
function issuerOf(token: string): unknown {
  try {
    return decodeJwt(token).iss;
  } catch {
    throw badCredentials("what was sent is neither an API key nor a signed token");
  }
}

async function verified(token: string, keys: JWTVerifyGetKey, settings: Issuer, now: number): Promise<JWTPayload> {
  const options = {
    issuer: settings.issuer,
    audience: [...settings.audience],
    algorithms: [...settings.algorithms],
    clockTolerance: settings.clockSkewSeconds,
    requiredClaims: ["exp", settings.userClaim],
    currentDate: new Date(now),
  };
  try {
    return await anyKey(keys, async (key) => (await jwtVerify(token, key, options)).payload);
  } catch (error) {
    throw refusal(error);
  }
}

/** A token without a key id fits several keys while they rotate: each is tried. */
async function anyKey<T>(keys: JWTVerifyGetKey, verify: (key: JWTVerifyGetKey) => Promise<T>): Promise<T> {
  try {
    return await verify(keys);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return await verify(async () => key);
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** Without the cause: jose's errors hold the claims, which may say more of a person than a log should. */
function refusal(error: unknown): unknown {
  if (isLakeError(error)) return error;
  if (error instanceof errors.JWTExpired) return expired("the token", "Get a new one from the identity provider.");
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim } = error;
    const hint = claim === "aud" ? "Ask the identity provider for a token whose audience is this service." : undefined;
    return badCredentials(`the token's "${claim}" is missing or not right`, hint);
  }
  if (error instanceof errors.JWKSNoMatchingKey)
    return badCredentials("the token is signed with a key that its issuer does not have");
  if (error instanceof errors.JOSEAlgNotAllowed)
    return badCredentials("the token is signed in a way that is not taken");
  // A TypeError is a key that does not fit the algorithm.
  if (error instanceof errors.JOSEError || error instanceof TypeError)
    return badCredentials("the token's signature or form is not right");
  return error;
}

function holder(claims: JWTPayload, settings: Issuer): Principal {
  const user = claims[settings.userClaim];
  if (typeof user !== "string" || !isName(user)) {
    throw badCredentials(`the token's "${settings.userClaim}" is no name of a user`);
  }
  const id = `user:${settings.userPrefix}${user}`;
  const shown = claims[settings.nameClaim];
  const groups = claims[settings.groupsClaim];
  const access = accessOf(claims, settings);
  return {
    id,
    name: typeof shown === "string" && isName(shown) ? shown : user,
    proof: "token",
    access,
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
    ...(typeof claims.jti === "string" && isName(claims.jti) ? { session: claims.jti } : {}),
  };
}

const NAME_LENGTH = 255;

/** Histories and logs show it: of a sane length, and without characters that steer a terminal. */
function isName(text: string): boolean {
  return text.length > 0 && text.length <= NAME_LENGTH && !/\p{C}/u.test(text);
}
