/** What `-c` names is read by somebody, or refused with what may be meant; what the CDK has there for itself passes. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { App } from "aws-cdk-lib";
import { MEMBERS, refuseUnknownNames } from "../../infra/context-names.ts";
import { settingsOf } from "../../infra/settings.ts";
import { ROOT, readText } from "../support/source-tree.ts";
import { cdkJson } from "./templates.ts";

const refuse = (context: Readonly<Record<string, unknown>>) => refuseUnknownNames(new App({ context }));

test("a name that the app does not know is refused, with the one that may be meant", () => {
  for (const [name, near] of [
    ["databaseUrl", "localDatabaseUrl"],
    ["database_url", "localDatabaseUrl"],
    ["alarmmail", "alarmMail"],
    ["existingBuckets", "existingBucket"],
    ["stages", "stage"],
  ] as const) {
    assert.throws(() => refuse({ [name]: "x" }), new RegExp(`-c ${name}=: .*-c ${near}=`), name);
  }
  assert.throws(
    () => refuse({ somethingElseEntirely: "x" }),
    /-c somethingElseEntirely=: there is no such setting\.\n/,
  );
  assert.throws(() => refuse({ vacum: "true", frontrates: "1" }), /-c vacuum=[\s\S]*-c frontRate=/, "all at once");
});

test("every name that a deployment reads passes, and so does what the CDK keeps there", () => {
  const asked = new Set<string>();
  settingsOf((name) => void asked.add(name));
  for (const name of [...asked, ...Object.values(MEMBERS), "stage", "config", "firewall"]) refuse({ [name]: "x" });
  // Whoever asks the app by name asks for one of them.
  const source = readText("infra/app.ts");
  for (const [, name = ""] of source.matchAll(/(?:tryGetContext|context|given)\("(\w+)"\)/g)) refuse({ [name]: "x" });
  refuse(cdkJson.context);
  refuse({
    "availability-zones:account=111122223333:region=eu-central-1": ["eu-central-1a"],
    "vpc-provider:account=111122223333:filter.vpc-id=vpc-1:region=eu-central-1": {},
    "hosted-zone:account=111122223333:domainName=example.org:region=eu-central-1": {},
    "aws:cdk:enable-path-metadata": true,
    "aws-cdk:enableDiffNoFail": true,
    "@aws-cdk/core:newStyleStackSynthesis": true,
    "acknowledged-issue-numbers": [1],
  });
});

test("a synthesis ends with the message alone", () => {
  const env = { ...process.env, CDK_CONTEXT_JSON: JSON.stringify({ databaseUrl: "rds-data://x" }) };
  const { status, stderr } = spawnSync(process.execPath, ["infra/app.ts"], { cwd: ROOT, env, encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^-c databaseUrl=: there is no such setting\. Did you mean -c localDatabaseUrl=\?\nThere are: .*\n$/,
  );
});
