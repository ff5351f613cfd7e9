/** A gateway on a free port, over a store in memory and a local API, and clients that speak S3 to it. */

import { after } from "node:test";
import { S3Client } from "@aws-sdk/client-s3";
import { catalogBehind, type SendToApi } from "../../lib/gateway/catalog.ts";
import { openS3Door } from "../../lib/gateway/door.ts";
import type { Upstream } from "../../lib/gateway/exchange.ts";
import { openGateway } from "../../lib/gateway/gateway.ts";
import { type GatewayServerOptions, listenS3 } from "../../lib/gateway/server.ts";
import { storeUpstream } from "../../lib/gateway/upstream/store.ts";
import type { ObjectStore } from "../../lib/ports.ts";

export interface FaceOptions {
  readonly store: ObjectStore;
  readonly send?: SendToApi;
  readonly upstream?: Upstream;
  /** `file:///…` of the folder whose folders are the buckets. */
  readonly root?: string;
  readonly creates?: boolean;
  /** True where the caller closes it: what a hook opens would be closed after the hook. */
  readonly keepOpen?: boolean;
  readonly server?: Partial<GatewayServerOptions>;
}

/** An API that nobody may need. */
const noApi: SendToApi = async () => Response.json({ tables: [] });

export async function openFace({
  store,
  send = noApi,
  upstream,
  root = "file:///s3",
  creates = true,
  keepOpen = false,
  server = {},
}: FaceOptions) {
  const face = await listenS3({
    host: "127.0.0.1",
    port: 0,
    now: Date.now,
    newId: () => crypto.randomUUID(),
    door: openS3Door({ isOpen: true }),
    onIncident: (error) => console.error(error),
    answer: openGateway({
      upstream: upstream ?? storeUpstream(store, { newId: () => crypto.randomUUID() }),
      locate: async (bucket, key) => `${root}/${bucket}/${key}`,
      nameOf: (bucket, key) => (creates ? `${bucket}.${key.replaceAll("/", ".")}` : undefined),
      catalogFor: () => catalogBehind(send, { baseUrl: "http://api" }),
      now: Date.now,
    }),
    ...server,
  });
  if (!keepOpen) after(() => face.close());
  return face;
}

/** With the checksums and the framing that the SDK takes by default. */
export function s3Client(endpoint: string, more: object = {}): S3Client {
  const credentials = { accessKeyId: "anyone", secretAccessKey: "anything" };
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    ...more,
  });
  after(() => client.destroy());
  return client;
}
