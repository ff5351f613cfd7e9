/** What holds for every identity provider, before anything is asked of one. */

/** Signatures with a public key. With a shared secret (HS256) whoever checks could sign, and a public key could be taken for one. */
export const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** Keys that come in the clear could be anyone's; on this machine nobody is in between. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  // It would be shown in messages, and no key set asks for it.
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname));
}

/** The scopes of a token that let it in. */
export interface Scopes {
  readonly readScope: string;
  /** Who has it may read, too. */
  readonly writeScope: string;
}

export const DEFAULT_SCOPES: Scopes = { readScope: "deltalakedb.read", writeScope: "deltalakedb.write" };

/** One scope (RFC 6749, "Access Token Scope"). */
export const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
