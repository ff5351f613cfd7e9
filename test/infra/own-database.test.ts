/** A database that exists already, named by its URL: functions may use it and its secrets, and no others. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { statementsOf, templatesOf } from "./templates.ts";

describe("a database by its ARN", () => {
  test("gives the functions permission for it and its secret, and for no other", () => {
    const cluster = "arn:aws:rds:eu-central-1:111122223333:cluster:restored";
    const secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:restored-AbCdEf";
    const localDatabaseUrl = `rds-data://${cluster}?secret=${secret}&database=deltalakedb`;
    const { app } = templatesOf({ stage: "production", localDatabaseUrl });
    const resources = statementsOf(app, "Commit").flatMap(({ Resource }) => Resource);
    assert.ok(resources.includes(cluster) && resources.includes(secret), JSON.stringify(resources));
  });

  test("a login that reads, without its database, is refused", () => {
    assert.throws(
      () => templatesOf({ stage: "production", localReaderSecret: "arn:x" }),
      /localDatabaseUrl=: give both/,
    );
  });

  test("all log in as its URL says, also who writes down what was refused; not beside a login that may only read", () => {
    const trailOf = (context: Record<string, string>) => {
      const { app } = templatesOf({ stage: "production", ...context });
      const functions = Object.values(app.findResources("AWS::Lambda::Function"));
      const read = functions.find(({ Properties }) => Properties.FunctionName === "deltalakedb-production-read");
      return read?.Properties.Environment.Variables.AUDIT_DATABASE_URL as unknown;
    };
    const secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:restored";
    const localDatabaseUrl = `rds-data://arn:aws:rds:eu-central-1:111122223333:cluster:restored?secret=${secret}&database=lake`;
    assert.equal(trailOf({ localDatabaseUrl }), localDatabaseUrl);
    assert.equal(trailOf({ localDatabaseUrl, localReaderSecret: `${secret}-reader` }), undefined);
    assert.match(JSON.stringify(trailOf({})), /Loginwitness/);
  });

  test("and one for the login that reads, where it is given", () => {
    const cluster = "arn:aws:rds:eu-central-1:111122223333:cluster:restored";
    const secret = (name: string) => `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}`;
    const url = (name: string) => `rds-data://${cluster}?secret=${secret(name)}&database=deltalakedb`;
    const localReaderSecret = secret("reader");
    const { app } = templatesOf({ stage: "production", localDatabaseUrl: url("master"), localReaderSecret });
    const urlOf = (name: string) => {
      const functions = Object.values(app.findResources("AWS::Lambda::Function"));
      const found = functions.find(({ Properties }) => Properties.FunctionName === `deltalakedb-production-${name}`);
      return found?.Properties.Environment.Variables.DATABASE_URL as string;
    };
    assert.deepEqual([urlOf("commit"), urlOf("read")], [url("master"), url("reader")]);
    const resources = statementsOf(app, "Read").flatMap(({ Resource }) => Resource);
    assert.ok(resources.includes(localReaderSecret) && !resources.includes(secret("master")));
  });
});
