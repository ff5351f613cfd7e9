/** Logins from Secrets Manager: the form that RDS writes, and what is said of any other. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { readLogin, readPendingSecret, readSecret } from "../../lib/lake/secrets.ts";
import { type FakeSecrets, startFakeSecrets } from "../support/fake-secrets.ts";

const SECRETS: Readonly<Record<string, string>> = {
  "arn:rds": '{"username": "dl_reader", "password": "p\\"w", "engine": "postgres", "port": 5432}',
  "arn:other": '{"username": "dl_reader"}',
  "arn:text": "hunter2",
  "arn:changing": "now",
  "arn:changing AWSPENDING": "next",
};

let server: FakeSecrets;
before(async () => {
  server = await startFakeSecrets(SECRETS);
});
after(() => server.close());

test("name and password, whatever else RDS puts beside them", async () => {
  assert.deepEqual(await readLogin("arn:rds"), { name: "dl_reader", password: 'p"w' });
});

test("a secret of another form is named, and not told", async () => {
  for (const arn of ["arn:other", "arn:text"]) {
    await assert.rejects(
      readLogin(arn),
      (error) => isLakeError(error, "invalid") && error.message.includes(arn) && !error.message.includes("hunter2"),
    );
  }
});

test("what a secret is to have next, and that there is nothing of the kind", async () => {
  assert.equal(await readPendingSecret("arn:text"), undefined);
  assert.equal(await readPendingSecret("arn:changing"), "next");
  assert.equal(await readSecret("arn:changing"), "now");
});

test("a secret that cannot be read is worth another try", async () => {
  await assert.rejects(
    readLogin("arn:gone"),
    (error) => isLakeError(error, "unavailable") && /arn:gone/.test(error.message),
  );
});
