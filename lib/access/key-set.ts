/**
 * The public keys of an identity provider, fetched when they are needed and kept while it is away. Nobody's request can make us
 * ask more often than once in {@link COOLDOWN_MS}.
 */

import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { deadlineMs } from "../deadlines.ts";
import { errorText, type LakeError, unavailable } from "../errors.ts";
import { isSafeUrl } from "./issuer-rules.ts";

/** A key id that is not known is worth a question, but not one a request. */
const COOLDOWN_MS = 30_000;
/** While there are no keys at all. */
const ASKED_AGAIN_MS = 1_000;
/** From this age on keys are asked for again, beside the requests. */
const FRESH_MS = 10 * 60_000;
/** While the provider is away its keys are taken so long: what it withdrew meanwhile must end some time. */
const KEPT_MS = 24 * 3_600_000;
const MAX_BYTES = 1024 * 1024;

export interface KeySetOptions {
  readonly issuer: string;
  /** Where the keys are; found by OpenID Connect Discovery if absent. */
  readonly jwksUrl?: string | undefined;
  readonly fetch: typeof fetch;
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number;
  /** Called when the keys could not be had. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** How jose asks for the key of a token. @throws LakeError unavailable where no key is known yet */
export function openKeySet(options: KeySetOptions): JWTVerifyGetKey {
  const { issuer, monotonic } = options;
  let known: { readonly find: JWTVerifyGetKey; readonly at: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  let failure: LakeError | undefined;

  function ask(): Promise<void> {
    asking ??= (async () => {
      askedAt = monotonic();
      try {
        known = { find: createLocalJWKSet(await fetchKeys(options)), at: monotonic() };
        failure = undefined;
      } catch (error) {
        options.onError?.(error);
        failure = unavailable(`the keys of ${issuer} cannot be had: ${reasonOf(error)}`, {
          code: "ISSUER_UNAVAILABLE",
          hint: "Try again; if it stays so, look whether this server reaches the identity provider.",
          cause: error,
        });
      } finally {
        asking = undefined;
      }
    })();
    return asking;
  }

  /** A question that failed is repeated soon; whoever has no keys at all waits no longer than for that. */
  const mayAsk = () => asking !== undefined || monotonic() - askedAt >= (known ? COOLDOWN_MS : ASKED_AGAIN_MS);

  return async (header, token) => {
    if (known === undefined && mayAsk()) await ask();
    if (known === undefined) throw failure ?? unavailable(`the keys of ${issuer} are not known yet`);
    const age = monotonic() - known.at;
    if (age >= FRESH_MS && mayAsk()) {
      const asked = ask();
      if (age >= KEPT_MS) await asked;
    }
    if (monotonic() - known.at >= KEPT_MS) throw failure ?? unavailable(`the keys of ${issuer} are too old`);
    try {
      return await known.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayAsk()) throw error;
      await ask();
      return known.find(header, token);
    }
  };
}

async function fetchKeys({ issuer, jwksUrl, fetch }: KeySetOptions): Promise<JSONWebKeySet> {
  const url = jwksUrl ?? (await discover(issuer, fetch));
  const body = (await fetchJson(url, fetch)) as Partial<JSONWebKeySet> | null;
  if (!Array.isArray(body?.keys) || body.keys.length === 0) throw new Error("the answer holds no keys");
  return { keys: body.keys };
}

/** OpenID Connect Discovery 1.0, section 4: the document must be the issuer's own. */
async function discover(issuer: string, fetch: KeySetOptions["fetch"]): Promise<string> {
  const place = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: url } = (await fetchJson(place, fetch)) as Record<string, unknown>;
  if (named !== issuer) throw new Error("its OpenID configuration names another issuer");
  if (typeof url !== "string" || !isSafeUrl(url))
    throw new Error("its OpenID configuration names no https place of keys");
  return url;
}

async function fetchJson(url: string, fetch: KeySetOptions["fetch"]): Promise<unknown> {
  const answer = await fetch(url, {
    signal: AbortSignal.timeout(deadlineMs("identityProvider")),
    redirect: "error",
    headers: { accept: "application/json" },
  });
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw new Error(`it answered ${answer.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`its answer has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new Error("its answer is not JSON");
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError")
    return `no answer within ${deadlineMs("identityProvider") / 1000} s`;
  const { cause } = error as { readonly cause?: { readonly code?: string } };
  return cause?.code === undefined ? errorText(error) : `${errorText(error)} (${cause.code})`;
}
