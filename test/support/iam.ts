/**
 * Judges requests to S3 by policies as IAM does (an explicit deny wins, then an allow, else a deny), in the small part of its language that
 * our policies speak. What it does not know it refuses to judge.
 */

import assert from "node:assert/strict";

export interface IamRequest {
  /** `s3:GetObject` */
  readonly action: string;
  /** `arn:aws:s3:::bucket/key` */
  readonly resource: string;
  /** Condition keys; absent ones are not in the request. */
  readonly context: Readonly<Record<string, string>>;
}

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Whether all of the policies allow it: a session has what both its role and its own policy allow. */
export function isAllowed(policies: readonly string[], request: IamRequest): boolean {
  return policies.every((policy) => {
    const { Version, Statement, ...others } = JSON.parse(policy) as { Version: string; Statement: Statement[] };
    assert.deepEqual([Version, others], ["2012-10-17", {}], "variables need this version");
    const applying = Statement.filter((statement) => applies(statement, request));
    return applying.some(({ Effect }) => Effect === "Allow") && applying.every(({ Effect }) => Effect === "Allow");
  });
}

function applies(statement: Statement, { action, resource, context }: IamRequest): boolean {
  const { Effect, Action, Resource, Condition = {}, ...others } = statement;
  assert.ok((Effect === "Allow" || Effect === "Deny") && Object.keys(others).length === 0, JSON.stringify(statement));
  return (
    [Action].flat().some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
    [Resource].flat().some((pattern) => matches(pattern, resource)) &&
    Object.entries(Condition).every(([operator, tests]) =>
      Object.entries(tests).every(([key, wanted]) => holds(operator, context[key], [wanted].flat())),
    )
  );
}

function holds(operator: string, value: string | undefined, wanted: readonly string[]): boolean {
  if (operator === "Null") return String(value === undefined) === wanted.join();
  if (value === undefined) return false;
  if (operator === "StringLike") return wanted.some((pattern) => matches(pattern, value));
  if (operator === "Bool") return wanted.includes(value);
  return assert.fail(`the condition ${operator} is not known here`);
}

/** `*` is any text, `?` one letter; `${*}`, `${?}` and `${$}` are these signs. Other variables are not known here. */
function matches(pattern: string, value: string): boolean {
  const tokens = pattern.match(/\$\{.*?\}|[\s\S]/gu) ?? [];
  const source = tokens.map((token) => {
    if (token === "*") return "[\\s\\S]*";
    if (token === "?") return "[\\s\\S]";
    const sign = /^\$\{([*?$])\}$/.exec(token)?.[1] ?? token;
    assert.ok([...sign].length === 1, `the variable ${token} is not known here`);
    return sign.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
  });
  return new RegExp(`^${source.join("")}$`, "u").test(value);
}

/** What a call of S3's protocol asks for. @param url path-style, as it is sent */
export function s3Request(method: string, url: URL, headers: Readonly<Record<string, unknown>>): IamRequest {
  const path = decodeURIComponent(url.pathname).slice(1);
  const [bucket = ""] = path.split("/");
  const resource = `arn:aws:s3:::${path}`;
  const query = url.searchParams;
  const inParts = query.has("uploadId") || query.has("uploads");
  if (method === "GET" && query.has("list-type")) {
    const prefix = query.get("prefix");
    const context = prefix === null ? {} : { "s3:prefix": prefix };
    return { action: "s3:ListBucket", resource: `arn:aws:s3:::${bucket}`, context };
  }
  if (method === "GET" || method === "HEAD") return { action: "s3:GetObject", resource, context: {} };
  if (method === "DELETE")
    return { action: inParts ? "s3:AbortMultipartUpload" : "s3:DeleteObject", resource, context: {} };
  const condition = headers["if-none-match"];
  const creates = method === "PUT" ? !inParts : query.has("uploadId");
  const context = {
    "s3:ObjectCreationOperation": String(creates),
    ...(typeof condition === "string" ? { "s3:if-none-match": condition } : {}),
  };
  return { action: "s3:PutObject", resource, context };
}
