/** A stand-in for AWS Secrets Manager that knows a few secrets, and versions that are none of the current ones as `ARN STAGE`; the environment points to it from then on. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeSecrets {
  close(): void;
}

export async function startFakeSecrets(secrets: Readonly<Record<string, string>>): Promise<FakeSecrets> {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { SecretId, VersionStage } = JSON.parse(text) as { SecretId: string; VersionStage?: string };
    const found = secrets[VersionStage === undefined ? SecretId : `${SecretId} ${VersionStage}`];
    const answer =
      found === undefined ? { __type: "ResourceNotFoundException", message: "no" } : { SecretString: found };
    response.writeHead(found === undefined ? 400 : 200, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
