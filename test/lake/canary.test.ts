/** How the canary's function asks the API: signed as AWS checks it, or with a token of its client; without, or with what is not right, where it must be refused. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { checkSignature } from "../../lib/gateway/signatures.ts";
import { openAwsCanary } from "../../lib/lake/canary.ts";
import { startFakeSecrets } from "../support/fake-secrets.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
const seen: Seen[] = [];
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = "", url = "", headers } = request;
  seen.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
  response.writeHead(url === "/token" ? 200 : 201, { "content-type": "application/json" });
  response.end(url === "/token" ? '{"access_token":"t-1"}' : '{"ok":true}');
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close());
const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

const ENVIRONMENT = {
  SERVICE: "deltalakedb",
  STAGE: "production",
  API_URL: apiUrl,
  AWS_REGION: "eu-central-1",
  CANARY_TABLE: "canary.probe",
  AWS_ACCESS_KEY_ID: "AKIDCANARY",
  AWS_SECRET_ACCESS_KEY: "its-secret",
};

function last(): Seen {
  const found = seen.at(-1);
  assert.ok(found);
  return found;
}

/** Whether AWS would let it in, knowing this key alone. */
async function isSigned({ method, path, headers }: Seen): Promise<boolean> {
  const url = new URL(path, apiUrl);
  const known = { method, path: url.pathname, query: url.searchParams, headers: headers as Record<string, string> };
  return checkSignature(known, new Map([["AKIDCANARY", "its-secret"]]), Date.now()).then(
    () => true,
    () => false,
  );
}

test("where IAM knows callers its requests are signed for the API with its own key, and a stranger's with another", async () => {
  const canary = openAwsCanary(ENVIRONMENT);
  const answer = await canary.ask("canary", "POST", "/v1/commits", { a: 1 });
  assert.deepEqual(answer, { status: 201, body: { ok: true } });
  assert.match(last().headers.authorization ?? "", /\/eu-central-1\/execute-api\/aws4_request/);
  assert.equal(last().body, '{"a":1}');
  assert.ok(await isSigned(last()));
  await canary.ask("canary", "GET", "/v1/tables?limit=1");
  assert.ok(await isSigned(last()));
  await canary.ask("stranger", "GET", "/v1/tables");
  assert.equal(await isSigned(last()), false);
  await canary.ask("nobody", "GET", "/v1/tables");
  assert.equal(last().headers.authorization, undefined);
});

test("where tokens are asked for it gets one of its client, once a run", async () => {
  const arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:canary";
  const client = { tokenUrl: `${apiUrl}token`, clientId: "canary", clientSecret: "hush", scope: "lake" };
  const secrets = await startFakeSecrets({ [arn]: JSON.stringify(client) });
  try {
    const canary = openAwsCanary({ ...ENVIRONMENT, CANARY_SECRET_ARN: arn });
    await canary.ask("canary", "GET", "/v1/tables");
    await canary.ask("canary", "POST", "/v1/commits", {});
    assert.equal(last().headers.authorization, "Bearer t-1");
    const asked = seen.filter(({ path }) => path === "/token");
    assert.deepEqual(
      asked.map(({ body }) => body),
      ["grant_type=client_credentials&scope=lake"],
    );
    await canary.ask("stranger", "GET", "/v1/tables");
    assert.notEqual(last().headers.authorization, "Bearer t-1");
  } finally {
    await secrets.close();
  }
});
