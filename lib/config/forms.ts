/** What single settings may be, where a type and bounds do not say it: names, origins, isolation levels, identity providers. */

import * as z from "zod";
import { ALGORITHMS, DEFAULT_SCOPES, isSafeUrl, SCOPE } from "../access/issuer-rules.ts";

export const hostName = z
  .string()
  .toLowerCase()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, "the name of a host, such as lake.example, without a port");
export const origin = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text, {
    message: "expected one origin as browsers write it, such as https://console.example",
  });
export const httpUrl = z.string().refine(
  (text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, search, hash } = new URL(text);
    return /^https?:$/.test(protocol) && `${username}${search}${hash}` === "";
  },
  { message: "expected a URL such as http://127.0.0.1:4318, without a password, a query or a fragment" },
);
const safeUrl = z
  .string()
  .refine(isSafeUrl, { message: "expected an https URL without a password; http only on this machine" });
const claim = z.string().min(1).max(255);
export const scope = z.string().regex(SCOPE, "one scope, without spaces");

/** On for good: any other value is refused with the reason and the way out. */
export const onlyTrue = (reason: string) =>
  z
    .boolean()
    .refine((given) => given, { message: `only true works here: ${reason}` })
    .meta({ only: true });

/** Likewise, one word. */
export const onlyText = (word: string, reason: string) =>
  z
    .string()
    .toLowerCase()
    .refine((given) => given === word, { message: `only "${word}" works here: ${reason}` })
    .meta({ only: word });

/** SQL's names of isolation levels, and Delta's. */
const ISOLATIONS: Readonly<Record<string, "Serializable" | "WriteSerializable">> = {
  serializable: "Serializable",
  writeserializable: "WriteSerializable",
};
const plain = (text: string) => text.toLowerCase().replaceAll(/[_\s-]/g, "");
export const isolation = z
  .string()
  .refine((text) => Object.hasOwn(ISOLATIONS, plain(text)), {
    message:
      'expected "SERIALIZABLE" or "WRITE_SERIALIZABLE": Delta knows none that is weaker for commits that change data, and within SQL each commit runs under locks of its own',
  })
  .transform((text) => ISOLATIONS[plain(text)] ?? "Serializable")
  .meta({ values: ["SERIALIZABLE", "WRITE_SERIALIZABLE"] });

export const oidcIssuer = z.strictObject({
  issuer: safeUrl.describe("As `iss` of its tokens has it."),
  audience: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe("What `aud` of a token for this service holds; one of them, if there are several."),
  jwks_url: safeUrl.optional().describe("Where its keys are; found by OpenID Connect Discovery if absent."),
  algorithms: z.array(z.enum(ALGORITHMS)).min(1).default(["RS256", "ES256"]).describe("Algorithms of its signatures."),
  clock_skew_seconds: z.int().min(0).max(300).default(30).describe("Seconds by which clocks may differ."),
  read_scope: scope.default(DEFAULT_SCOPES.readScope).describe("The scope that may read."),
  write_scope: scope.default(DEFAULT_SCOPES.writeScope).describe("The scope that may write; who has it may read, too."),
  user_claim: claim.default("sub").describe("The claim that names the user: NAME of `user:NAME`."),
  user_prefix: z.string().max(128).default("").describe("What is put before it."),
  name_claim: claim.default("preferred_username").describe("The claim with a name for people."),
  groups_claim: claim.default("groups").describe("The claim with the groups."),
});

/** Of a pause, or of a wait; a day at most. */
export const seconds = z.number().min(0).max(86_400);
