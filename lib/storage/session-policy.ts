/** The policy of a session that may use the data files of one table and nothing else. Pure. */

import { LOG_FOLDER } from "../delta/files/log-files.ts";
import { invalid } from "../errors.ts";
import type { Rights } from "../ports.ts";

/** A part of a bucket; the prefix is without slashes around it, and empty for the whole bucket. */
export interface PolicyPlace {
  readonly bucket: string;
  readonly prefix: string;
}

/** What STS takes of a policy, in characters. */
export const POLICY_CHARACTERS = 2048;

const WRITING = ["s3:PutObject", "s3:AbortMultipartUpload"];

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * As text for `AssumeRole`: a session may do what both this and its role allow. Objects are those below `prefix/`, so that `orders` says
 * nothing of `orders2`; logs are written by the mirror alone. Whoever may only create must ask S3 to refuse what is there, of uploads in
 * parts with the last call.
 * @param partition of AWS: `aws`, `aws-cn`
 * @throws LakeError invalid CREDENTIALS_TOO_LONG
 */
export function sessionPolicy(
  places: readonly [PolicyPlace, ...PolicyPlace[]],
  { read, write }: Rights,
  partition = "aws",
): string {
  const arn = (bucket: string, keys: string) => `arn:${partition}:s3:::${bucket}${keys}`;
  const below = ({ bucket, prefix }: PolicyPlace) => arn(bucket, `/${within(prefix)}`);
  const statements: Statement[] = [];
  const allow = (Action: Statement["Action"], Resource: Statement["Resource"], Condition?: Statement["Condition"]) =>
    statements.push({ Effect: "Allow", Action, Resource, ...(Condition && { Condition }) });
  if (read) {
    allow("s3:GetObject", places.map(below));
    for (const { bucket, prefix } of places) {
      allow("s3:ListBucket", arn(bucket, ""), { StringLike: { "s3:prefix": within(prefix) } });
    }
  }
  if (write !== undefined) {
    const [{ bucket }] = places;
    const target = below(places[0]);
    if (write === "replace") allow(WRITING, target);
    else {
      allow("s3:PutObject", target, { Null: { "s3:if-none-match": "false" } });
      allow("s3:PutObject", target, { Bool: { "s3:ObjectCreationOperation": "false" } });
      allow("s3:AbortMultipartUpload", target);
    }
    const logs = [`/${LOG_FOLDER}/*`, `/*/${LOG_FOLDER}/*`].map((keys) => arn(bucket, keys));
    statements.push({ Effect: "Deny", Action: WRITING, Resource: logs });
  }
  // Keys of one's own count where both the role and the key's policy let them be used, and then through S3 alone.
  const keys = ["kms:Decrypt", ...(write === undefined ? [] : ["kms:GenerateDataKey"])];
  allow(keys, "*", { StringLike: { "kms:ViaService": "s3.*" } });
  return checked(asciiJson({ Version: "2012-10-17", Statement: statements }));
}

/** All keys below a prefix; signs that mean something in a policy stand for themselves. */
function within(prefix: string): string {
  const literal = prefix.replaceAll(/[$*?]/g, (sign) => `\${${sign}}`);
  return literal === "" ? "*" : `${literal}/*`;
}

/** STS takes Latin letters alone; those of a JSON text can be told by their numbers. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function checked(policy: string): string {
  if (policy.length <= POLICY_CHARACTERS) return policy;
  throw tooLong(`the place of the table makes a policy of ${policy.length} characters, more than ${POLICY_CHARACTERS}`);
}

/** @param why as a sentence */
export function tooLong(why: string): Error {
  return invalid(why, {
    code: "CREDENTIALS_TOO_LONG",
    hint: "Name the files (paths) and take URLs, or move the table to a place with a shorter name (dl relocate).",
  });
}
