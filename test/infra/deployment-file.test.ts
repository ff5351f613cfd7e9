/** config/<stage>.yaml as the deployment reads it: what is written there holds, -c goes before, and what is wrong is told with its line. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { deploymentFile } from "../../infra/deployment-file.ts";
import { settingsOf } from "../../infra/settings.ts";
import { deploymentSettings } from "../../lib/config/deployment.ts";
import { readText } from "../support/source-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-deployment-"));
after(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const file = join(folder, `${crypto.randomUUID()}.yaml`);
  writeFileSync(file, text);
  return file;
}

test("what the file says holds, whatever its other sections lack; -c goes before", async () => {
  const file = fileOf(`database:
  url: "\${NOT_SET_ANYWHERE}"
deployment:
  alarm_mail: operators@example.org
  existing_bucket: our-lake
  storage_roots: [s3://lake-a/b, s3://lake-c]
  log_operators: ["arn:aws:iam::111122223333:role/Operators"]
  jwt_issuer: "\${ISSUER}"
  jwt_audience: [lake, other]
  jwt_write_scope: lake/write
  vacuum: true
  audit_retention_days: 400
`);
  const written = await deploymentFile(file, { ISSUER: "https://id.example" });
  const settings = settingsOf((name) => (name === "stage" ? "production" : written(name)));
  assert.equal(settings.alarmMail, "operators@example.org");
  assert.equal(settings.existingBucket, "our-lake");
  assert.deepEqual(settings.storageRoots, ["s3://lake-a/b", "s3://lake-c"]);
  assert.deepEqual(settings.logOperators, ["arn:aws:iam::111122223333:role/Operators"]);
  const scopes = { readScope: "deltalakedb.read", writeScope: "lake/write" };
  const authorisation = { kind: "jwt", issuer: "https://id.example", audience: ["lake", "other"], scopes };
  assert.deepEqual(settings.authorisation, authorisation);
  assert.equal(settings.maintenance.vacuum, true);
  assert.equal(settings.maintenance.auditRetentionDays, 400);
  const given: Record<string, string> = { stage: "production", existingBucket: "another" };
  assert.equal(settingsOf((name) => given[name] ?? written(name)).existingBucket, "another");
});

/** One value of each member, and what `-c` calls it where that is not the same in camel case. */
const MEMBERS: Readonly<Record<string, readonly [value: unknown, name?: string]>> = {
  name: ["lake"],
  termination_protection: [true],
  alarm_mail: ["none"],
  encryption_key: ["own"],
  existing_bucket: ["our-lake"],
  existing_bucket_key: ["arn:aws:kms:eu-central-1:111122223333:key/1a2b3c4d-0000-4000-8000-5e6f7a8b9c0d"],
  storage_roots: [["s3://lake-a/b"]],
  backup_lock: ["governance"],
  backup_key_secret: ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:k"],
  vault_lock: ["compliance"],
  backup_copy_region: ["eu-west-1"],
  replicate_to: ["eu-west-1"],
  vacuum: [true],
  compaction: ["policy"],
  canary_minutes: [5],
  canary_secret: ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:c"],
  follow_events: [true],
  audit_retention_days: [400],
  log_operators: [["arn:aws:iam::111122223333:role/Operators"]],
  database_engine: ["aurora-mysql"],
  database_insights: ["standard"],
  vpc: ["vpc-0a1b2c3d4e5f60718"],
  vpc_subnets: [["subnet-0a1b2c3d4e5f60718"]],
  vpc_security_groups: [["sg-0a1b2c3d4e5f60718"]],
  domain_name: ["lake.example.org"],
  certificate_arn: ["arn:aws:acm:eu-central-1:111122223333:certificate/1a"],
  hosted_zone_id: ["Z0123456789"],
  default_endpoint: ["closed"],
  front: ["cloudfront"],
  front_secret_version: ["5f0c1c3e-6d2b-4b57-8f53-0b1f5d1e7a10"],
  front_certificate_arn: ["arn:aws:acm:us-east-1:111122223333:certificate/1a"],
  web_acl: ["arn:aws:wafv2:us-east-1:111122223333:global/webacl/lake/1a"],
  front_rate: [1000],
  caller_rate: [2.5],
  caller_burst: [20],
  jwt_issuer: ["https://id.example"],
  jwt_audience: [["lake"]],
  jwt_read_scope: ["lake/read"],
  jwt_write_scope: ["lake/write"],
  database_url: ["rds-data://cluster?secret=secret&database=lake", "localDatabaseUrl"],
  reader_secret: ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:r", "localReaderSecret"],
  scratch_secret: ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:s", "localScratchSecret"],
};

test("every member of the section reaches the deployment, and has its place in docs/deployment.md", async () => {
  assert.deepEqual(Object.keys(MEMBERS).toSorted(), Object.keys(deploymentSettings.unwrap().shape).toSorted());
  const section = Object.entries(MEMBERS).map(([member, [value]]) => `  ${member}: ${JSON.stringify(value)}\n`);
  const written = await deploymentFile(fileOf(`deployment:\n${section.join("")}`), {});
  const page = readText("docs/deployment.md");
  for (const [member, [value, name = camel(member)]] of Object.entries(MEMBERS)) {
    assert.equal(written(name), [value].flat().map(String).join(","), name);
    assert.ok(page.includes(`\`${name}\``) || new RegExp(`\\b${member}\\b`).test(page), `${member} is not on the page`);
  }
});

const camel = (member: string) => member.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

test("a file that is not there says nothing", async () => {
  const written = await deploymentFile(join(folder, "none.yaml"), {});
  assert.equal(settingsOf(written).stage, "development");
});

test("all that is wrong in the section is told at once, with its line", async () => {
  const file = fileOf("deployment:\n  alarm_mial: x@example.org\n  backup_lock: forever\n  log_operators: [me]\n");
  await assert.rejects(deploymentFile(file, {}), (error: Error) => {
    for (const part of [":2: ", "alarm_mial", "alarm_mail", ":3: ", "backup_lock", "log_operators"]) {
      assert.ok(error.message.includes(part), `${part}: ${error.message}`);
    }
    return true;
  });
});

test("production says who hears its alarms, or that nobody does", () => {
  const of = (alarmMail?: string) =>
    settingsOf((name) => (name === "stage" ? "production" : name === "alarmMail" ? alarmMail : undefined));
  assert.throws(() => of(), /nobody would hear of an alarm.*alarm_mail.*none means nobody/s);
  assert.equal(of("none").alarmMail, undefined);
  assert.equal(of("operators@example.org").alarmMail, "operators@example.org");
});
