/**
 * Callers that API Gateway has let in: its authorizer has checked a signature of AWS or a token, and says who it was. What a signed
 * caller may do is a matter of IAM's policies, and what a token may do of its scopes.
 */

import type { Door } from "./door.ts";
import { DEFAULT_SCOPES, type Scopes } from "./issuer-rules.ts";
import type { Principal } from "./principal.ts";
import { accessOf } from "./scopes.ts";

/** A stage without an authorizer names nobody, and that is its owner's choice: then nobody is asked. */
export function apiGatewayDoor(scopes: Scopes = DEFAULT_SCOPES): Door {
  return { unnamed: "welcome", identify: async ({ event }) => callerOf(event, scopes) };
}

/** Of an event in payload format 2.0. @throws LakeError forbidden for a token without a scope of ours */
export function callerOf(event: unknown, scopes: Scopes = DEFAULT_SCOPES): Principal | undefined {
  const authorizer = member(member(event, "requestContext"), "authorizer");
  return iamCaller(member(authorizer, "iam")) ?? tokenCaller(member(member(authorizer, "jwt"), "claims"), scopes);
}

const ASSUMED_ROLE = /^arn:([a-z-]+):sts::(\d{12}):assumed-role\/([^/]+)\/(.+)$/;

/** A role is one user, whatever its sessions are named; the session stays beside it. */
function iamCaller(iam: unknown): Principal | undefined {
  const arn = text(member(iam, "userArn"));
  if (arn === undefined) return undefined;
  const [, partition, account, role, session] = ASSUMED_ROLE.exec(arn) ?? [];
  if (role === undefined || session === undefined) {
    return { id: `user:${arn}`, name: arn.split(/[/:]/).at(-1) ?? arn, proof: "iam", access: "write", groups: [] };
  }
  const id = `user:arn:${partition}:iam::${account}:role/${role}`;
  return { id, name: `${role}/${session}`, proof: "iam", access: "write", groups: [], session };
}

function tokenCaller(claims: unknown, scopes: Scopes): Principal | undefined {
  const user = text(member(claims, "sub"));
  if (user === undefined) return undefined;
  const groups = text(member(claims, "groups") ?? member(claims, "cognito:groups")) ?? "";
  const session = text(member(claims, "jti"));
  return {
    id: `user:${user}`,
    name: text(member(claims, "preferred_username") ?? member(claims, "username") ?? member(claims, "email")) ?? user,
    proof: "token",
    access: accessOf({ scope: member(claims, "scope"), scp: listText(text(member(claims, "scp")) ?? "") }, scopes),
    groups: listText(groups)
      .split(/[\s,]+/)
      .filter(Boolean),
    ...(session === undefined ? {} : { session }),
  };
}

/** API Gateway writes a list as "[a b]". */
function listText(text: string): string {
  return text.replaceAll(/^\[|\]$/g, "");
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
