/** The part of STS that lends sessions, beside the S3 server of the tests, which holds each session to its policy. */

import type { IncomingMessage } from "node:http";
import { isAllowed, s3Request } from "./iam.ts";

export interface FakeSession {
  readonly roleArn: string;
  readonly name: string;
  readonly policy: string;
  readonly seconds: number;
}

/** By access key. */
export type FakeSessions = Map<string, FakeSession>;

/** The answer to `AssumeRole`; undefined where it is another call. */
export function assumeRole(body: string, sessions: FakeSessions): string | undefined {
  const asked = new URLSearchParams(body);
  if (asked.get("Action") !== "AssumeRole") return undefined;
  const accessKey = `ASIAFAKE${String(sessions.size).padStart(12, "0")}`;
  const seconds = Number(asked.get("DurationSeconds"));
  sessions.set(accessKey, {
    roleArn: asked.get("RoleArn") ?? "",
    name: asked.get("RoleSessionName") ?? "",
    policy: asked.get("Policy") ?? "",
    seconds,
  });
  return (
    `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>` +
    `<AccessKeyId>${accessKey}</AccessKeyId><SecretAccessKey>lent-secret</SecretAccessKey>` +
    `<SessionToken>lent-token</SessionToken><Expiration>${new Date(Date.now() + seconds * 1000).toISOString()}</Expiration>` +
    "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
  );
}

/** Whoever has no session that was lent here may do everything. */
export function mayCall({ method = "", url = "", headers }: IncomingMessage, sessions: FakeSessions): boolean {
  const place = new URL(url, "http://fake");
  const signed = /Credential=([^/]+)\//.exec(headers.authorization ?? "")?.[1];
  const presigned = place.searchParams.get("X-Amz-Credential")?.split("/")[0];
  const session = sessions.get(signed ?? presigned ?? "");
  return session === undefined || isAllowed([session.policy], s3Request(method, place, headers));
}
