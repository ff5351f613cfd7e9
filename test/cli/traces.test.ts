/** Traces of `dl serve`: one request is one trace, from HTTP over SQL and the queue into the thread of the mirror and its log. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { finish, startDl } from "./run.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-traces-")));
after(() => rmSync(folder, { recursive: true }));

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

/** What a collector gets at `/v1/traces`, in JSON as OTLP has it. */
async function startCollector() {
  const spans: Span[] = [];
  const services = new Set<unknown>();
  const server = createServer(async (request, response) => {
    const body = await text(request);
    assert.deepEqual([request.method, request.url, request.headers["x-tenant"]], ["POST", "/v1/traces", "lake"]);
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      services.add(resource.attributes.find(({ key }: { key: string }) => key === "service.name")?.value.stringValue);
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    response.setHeader("content-type", "application/json").end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { spans, services, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

async function serve(env: NodeJS.ProcessEnv, work: (url: string) => Promise<void>): Promise<string> {
  const args = ["serve", "--port", "0", "--database", join(folder, "lake.sqlite"), "--storage", folder];
  const child = startDl(args, { env });
  const finished = finish(child);
  const [line] = await Promise.race([
    once(child.stdout ?? child, "data"),
    finished.then((end) => assert.fail(end.stderr)),
  ]);
  try {
    await work(/http:\/\/\S+/.exec(String(line))?.[0] ?? "");
  } finally {
    child.kill("SIGTERM");
  }
  const { code, stderr } = await finished;
  assert.equal(code, 0, stderr);
  return stderr;
}

async function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Record<string, never>> {
  const type = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers: { ...type, ...headers }, body: JSON.stringify(body) });
  assert.ok(response.ok, await response.clone().text());
  return (await response.json()) as Record<string, never>;
}

const commitOf = (readVersion: number, acknowledge = "mirrored") => {
  const path = `${readVersion}.parquet`;
  const add = { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
  return {
    transactionId: crypto.randomUUID(),
    acknowledge,
    tables: [{ table: "a.b", readVersion, actions: [{ add }] }],
  };
};

test("a commit is one trace, that of the client, until its version is in the log", async () => {
  const collector = await startCollector();
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=lake",
    // Whoever brings no trace is not traced.
    DL_MONITORING_TRACES_SAMPLE_RATIO: "0",
  };
  await serve(env, async (url) => {
    const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
    await post(`${url}/v1/tables`, { name: "a.b", schema });
    await post(`${url}/v1/commits`, commitOf(0));
    await post(`${url}/v1/commits`, commitOf(1), { traceparent: `00-${TRACE}-${SPAN}-01` });
    await post(`${url}/v1/commits`, commitOf(2), { traceparent: "00-nonsense-01" });
  });
  collector.close();
  const { spans } = collector;
  assert.deepEqual([...collector.services], ["deltalakedb"]);
  assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [TRACE]);

  const named = (name: string) => spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`);
  const request = named("POST /v1/commits");
  assert.equal(request.parentSpanId, SPAN);
  const facts = Object.fromEntries(request.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  assert.deepEqual([facts["http.route"], facts["http.response.status_code"]], ["/v1/commits", 201]);
  assert.equal(named("catalog.commit").parentSpanId, request.spanId);
  const queue = named("queue.enqueue");
  assert.equal(queue.parentSpanId, request.spanId);
  const mirror = named("mirror");
  assert.equal(mirror.parentSpanId, queue.spanId);
  const published = mirror.attributes.find(({ key }) => key === "deltalakedb.published");
  assert.equal(Number(Object.values(published?.value ?? {})[0]), 1);
  assert.ok(spans.some(({ name, parentSpanId }) => name.startsWith("log.") && parentSpanId === mirror.spanId));
  assert.ok(spans.every(({ status }) => (status.code ?? 0) === 0));
});

test("a collector that is away costs no commit, and is told of", async () => {
  const stderr = await serve({ DL_MONITORING_TRACES_ENDPOINT: "http://127.0.0.1:1" }, async (url) => {
    await post(`${url}/v1/commits`, commitOf(3, "sql"));
  });
  assert.match(stderr, /traces were not sent/);
});
