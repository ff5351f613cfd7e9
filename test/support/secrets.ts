/**
 * Secrets that tests plant where real ones would be, and who looks for them: whatever the product prints, logs or answers. As a
 * program it looks through files: `node test/support/secrets.ts FILE…`, and fails when one holds a secret.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** In pieces, so that this file, shown by a failing test, is no find. */
const MARK = ["planted", "7b1f2c"].join("-");

/** A password with every letter that may end one early: whichever piece is shown, it holds the mark. */
export const PLANTED_PASSWORD = ["@", ":", "/", "?", "#", "&", "=", "%", "'"].reduce(
  (all, sign) => `${all}${sign}${MARK}`,
  MARK,
);

const SECRETS: readonly (readonly [what: string, form: RegExp])[] = [
  ["a planted password", new RegExp(MARK)],
  ["an API key", /dlk_[0-9a-f]{16}_[0-9a-f]{64}/],
  ["a signed token", /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/],
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
];
/** Longer than any of them, so that none is missed between two pieces of a stream. */
const OVERLAP = 4096;

/** What kind of secret a text holds, and where; undefined when it holds none. */
export function secretIn(text: string): string | undefined {
  for (const [what, form] of SECRETS) {
    const found = form.exec(text);
    if (!found) continue;
    const before = text.slice(0, found.index).split("\n").at(-1)?.slice(-160) ?? "";
    return `${what} is shown after: ${before}`;
  }
  return undefined;
}

/** @param where what said it, for the message */
export function assertNoSecret(text: string, where: string): void {
  const found = secretIn(text);
  assert.ok(found === undefined, `${where}: ${found}`);
}

/** Looks through a stream as it passes by; gives what was found so far. */
export function secretFinder(): (chunk: string) => string | undefined {
  let end = "";
  let found: string | undefined;
  return (chunk) => {
    found ??= secretIn(end + chunk);
    end = (end + chunk).slice(-OVERLAP);
    return found;
  };
}

/** The same URL with the planted password, which a server that trusts us does not ask for; one that has a password keeps it. */
export function withPlantedPassword(url: string): string {
  const parsed = new URL(url);
  if (parsed.password !== "") return url;
  parsed.password = encodeURIComponent(PLANTED_PASSWORD);
  return parsed.href;
}

if (import.meta.main) {
  for (const file of process.argv.slice(2)) {
    const found = secretIn(readFileSync(file, "utf8"));
    if (found === undefined) continue;
    process.stdout.write(`${file}: ${found}\n`);
    process.exitCode = 1;
  }
}
