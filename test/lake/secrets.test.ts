/** Logins from Secrets Manager: the form that RDS writes, and what is said of any other. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import { readLogin } from "../../lib/lake/secrets.ts";

const SECRETS: Readonly<Record<string, string>> = {
  "arn:rds": '{"username": "dl_reader", "password": "p\\"w", "engine": "postgres", "port": 5432}',
  "arn:other": '{"username": "dl_reader"}',
  "arn:text": "hunter2",
};

const server = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const { SecretId } = JSON.parse(text) as { SecretId: string };
  const found = SECRETS[SecretId];
  const answer = found === undefined ? { __type: "ResourceNotFoundException", message: "no" } : { SecretString: found };
  response.writeHead(found === undefined ? 400 : 200, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(answer));
});
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
});
after(() => {
  server.close();
  server.closeAllConnections();
});

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

test("a secret that cannot be read is worth another try", async () => {
  await assert.rejects(
    readLogin("arn:gone"),
    (error) => isLakeError(error, "unavailable") && /arn:gone/.test(error.message),
  );
});
