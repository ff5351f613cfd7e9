/** config/<stage>.yaml as the deployment reads it: what is written there holds, -c goes before, and what is wrong is told with its line. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { deploymentFile } from "../../infra/deployment-file.ts";
import { settingsOf } from "../../infra/settings.ts";

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
