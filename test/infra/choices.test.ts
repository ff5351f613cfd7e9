/**
 * A deploy that would move a stage to another bucket or database, or let in other callers, is refused unless it says so: the rules of the template, judged
 * with the parameters that `cdk deploy` sends, as CloudFormation judges them before it makes a change set.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Template } from "aws-cdk-lib/assertions";
import { choicesOf } from "../../infra/constructs/choices.ts";
import { settingsOf } from "../../infra/settings.ts";
import { templatesOf } from "./templates.ts";

type Values = Readonly<Record<string, string>>;

interface Rule {
  readonly Assertions: readonly {
    readonly Assert: { readonly "Fn::Equals": readonly [{ readonly Ref: string }, string] };
    readonly AssertDescription: string;
  }[];
}

/**
 * A deploy as the command makes it: a parameter that is said, else the one that the stack has, else the default.
 * @returns the parameters that the stack has afterwards @throws Error with what CloudFormation would say
 */
function deployed(template: Template, before: Values = {}, said: Values = {}): Values {
  const { Parameters, Rules } = template.toJSON() as {
    Parameters: Record<string, { Default: string; Type: string }>;
    Rules: Record<string, Rule>;
  };
  const ours = Object.keys(Rules).filter((id) => id.endsWith("IsKept"));
  assert.equal(ours.length, 7);
  const after = Object.fromEntries(
    Object.entries(Parameters).map(([id, { Default }]) => [id, said[id] ?? before[id] ?? Default]),
  );
  for (const id of ours) {
    for (const { Assert, AssertDescription } of Rules[id]?.Assertions ?? []) {
      const [{ Ref }, value] = Assert["Fn::Equals"];
      if (after[Ref] !== value) throw new Error(AssertDescription);
    }
  }
  return after;
}

const SECRET = "arn:aws:secretsmanager:eu-central-1:111122223333:secret";
const CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/1a2b3c4d";
const URL = `rds-data://arn:aws:rds:eu-central-1:111122223333:cluster:restored?secret=${SECRET}:r-AbCdEf&database=lake`;

/** What a stage was told once, and what somebody left out later, or changed. */
const CHANGES: readonly (readonly [string, Values, Values])[] = [
  ["TablesIn", { existingBucket: "our-lake" }, {}],
  ["TablesIn", {}, { existingBucket: "our-lake" }],
  ["DatabaseAt", { localDatabaseUrl: URL }, {}],
  ["DatabaseAt", {}, { localDatabaseUrl: URL }],
  ["DatabaseAt", { databaseEngine: "aurora-mysql" }, {}],
  ["DatabaseAt", {}, { databaseEngine: "aurora-mysql" }],
  ["CallersBy", { jwtIssuer: "https://id.example.org", jwtAudience: "lake" }, {}],
  ["CallersBy", {}, { jwtIssuer: "https://id.example.org", jwtAudience: "lake" }],
  ["EncryptedBy", { encryptionKey: "own" }, {}],
  [
    "EncryptedBy",
    {},
    { encryptionKey: "arn:aws:kms:eu-central-1:111122223333:key/1a2b3c4d-0000-4000-8000-5e6f7a8b9c0d" },
  ],
  ["CalledAt", { domainName: "lake.example.org", certificateArn: CERTIFICATE }, {}],
  ["CalledAt", {}, { domainName: "lake.example.org", certificateArn: CERTIFICATE }],
  ["CopiedTo", { backupCopyRegion: "eu-west-1" }, {}],
  ["CopiedTo", { backupCopyRegion: "eu-west-1" }, { backupCopyRegion: "eu-west-1", replicateTo: "eu-west-1" }],
  ["BackupKey", { backupKeySecret: `${SECRET}:key-AbCdEf` }, {}],
];

for (const [parameter, first, then] of CHANGES) {
  const told = (values: Values) => Object.keys(values).join(", ") || "nothing";
  test(`told ${told(first)}, then ${told(then)}: refused, in each of the stacks, until it is said`, () => {
    const [before, now] = [first, then].map((values) => templatesOf({ stage: "production", ...values }));
    assert.ok(before && now);
    for (const stack of ["data", "app"] as const) {
      const kept = deployed(before[stack]);
      assert.deepEqual(deployed(before[stack], kept), kept, "the same once more");
      const refusal = new RegExp(
        `would change the .* in the section deployment of config/production.yaml .*${parameter}=`,
        "s",
      );
      assert.throws(() => deployed(now[stack], kept), refusal);
      const word = /--parameters '(\w+)=(.*)'$/.exec(messageOf(() => deployed(now[stack], kept)));
      assert.equal(word?.[1], parameter);
      const moved = deployed(now[stack], kept, { [parameter]: word?.[2] ?? "" });
      assert.deepEqual(deployed(now[stack], moved), moved, "it is said once, not for ever");
      assert.throws(() => deployed(before[stack], moved), refusal, "and back again likewise");
    }
  });
}

test("what was said is kept: a resource of each stack has it, so that there is something to update", () => {
  const { data, app } = templatesOf({ stage: "development" });
  for (const template of [data, app]) {
    const [chosen] = Object.values(template.findResources("AWS::SSM::Parameter"));
    for (const id of ["TablesIn", "EncryptedBy", "DatabaseAt", "CallersBy", "CalledAt", "CopiedTo", "BackupKey"]) {
      assert.match(JSON.stringify(chosen?.Properties.Value), new RegExp(`"Ref":"${id}"`));
    }
  }
});

test("an order of audiences is no change, and a choice fits into a parameter", () => {
  const of = (jwtAudience: string) =>
    choicesOf(
      settingsOf((name) => ({ jwtIssuer: "https://i", jwtAudience })[name as "jwtIssuer"]),
      URL,
    );
  assert.deepEqual(of("a,b"), of("b,a"));
  for (const { value } of of("a,b")) assert.ok(value.length < 4_096);
});

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
