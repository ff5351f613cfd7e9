/** The OpenAPI document: complete, valid in its references, with an example and all errors of every route. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, stubLake } from "./stub-lake.ts";

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  requestBody?: {
    required: boolean;
    content: Record<string, { schema: unknown; examples: Record<string, { value: unknown }> }>;
  };
  parameters?: { name: string; in: string; required: boolean }[];
  responses: Record<string, { description: string; content?: Record<string, { schema: unknown }> }>;
}
interface Document {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

const api = client(stubLake());
const answer = await api.get("/v1/openapi.json");
const document = answer.body as unknown as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test("it is OpenAPI 3.1 with every route of the design", () => {
  assert.equal(document.openapi, "3.1.0");
  assert.equal(document.info.version, "1.2.3");
  assert.deepEqual(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort(), [
    "DELETE /v1/grants",
    "DELETE /v1/tables/{tableId}",
    "GET /api/2.0/settings/types/default_namespace_ws/names/default",
    "GET /api/2.1/unity-catalog/catalogs",
    "GET /api/2.1/unity-catalog/catalogs/{catalog}",
    "GET /api/2.1/unity-catalog/delta/v1/catalogs/{catalog}/schemas/{schema}/tables/{table}",
    "GET /api/2.1/unity-catalog/delta/v1/catalogs/{catalog}/schemas/{schema}/tables/{table}/credentials",
    "GET /api/2.1/unity-catalog/delta/v1/config",
    "GET /api/2.1/unity-catalog/schemas",
    "GET /api/2.1/unity-catalog/schemas/{schema}",
    "GET /api/2.1/unity-catalog/tables",
    "GET /api/2.1/unity-catalog/tables/{table}",
    "GET /v1/grants",
    "GET /v1/health",
    "GET /v1/live",
    "GET /v1/tables",
    "GET /v1/tables/{tableId}",
    "GET /v1/tables/{tableId}/commits",
    "GET /v1/tables/{tableId}/domains",
    "GET /v1/tables/{tableId}/files",
    "GET /v1/tables/{tableId}/history",
    "GET /v1/tables/{tableId}/mirror",
    "GET /v1/tables/{tableId}/txns",
    "GET /v1/transactions/{transactionId}",
    "PATCH /v1/tables/{tableId}",
    "POST /api/2.1/unity-catalog/temporary-table-credentials",
    "POST /v1/backups",
    "POST /v1/commits",
    "POST /v1/grants",
    "POST /v1/snapshots",
    "POST /v1/tables",
    "POST /v1/tables/import",
    "POST /v1/tables/{tableId}/appends",
    "POST /v1/tables/{tableId}/credentials",
    "POST /v1/tables/{tableId}/mirror",
    "POST /v1/tables/{tableId}/plan",
    "POST /v1/tables/{tableId}/recover",
    "POST /v1/tables/{tableId}/resolve",
    "POST /v1/tables/{tableId}/undrop",
    "POST /v1/tables/{tableId}/vacuum",
    "POST /v1/uploads",
  ]);
});

test("every reference names a component", () => {
  const references = [...answer.text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]);
  assert.ok(references.length > 20);
  for (const name of references) assert.ok(document.components.schemas[name ?? ""], `${name} is not a component`);
  for (const name of ["Action", "AddFile", "Problem", "CommitRequest"]) assert.ok(references.includes(name), name);
});

for (const { path, method, operation } of operations) {
  test(`${method.toUpperCase()} ${path} is documented in full`, () => {
    assert.ok(operation.operationId && operation.summary && operation.tags.length === 1);
    const placeholders = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const inPath = (operation.parameters ?? []).filter((p) => p.in === "path").map((p) => p.name);
    assert.deepEqual(inPath, placeholders);
    if (method === "post") {
      const body = operation.requestBody?.content["application/json"];
      assert.ok(operation.requestBody?.required && body?.schema && Object.keys(body.examples).length > 0);
    }
    const statuses = Object.keys(operation.responses);
    assert.ok(statuses.some((status) => status.startsWith("2")));
    for (const [status, response] of Object.entries(operation.responses)) {
      assert.ok(response.description, status);
      if (Number(status) >= 400 && path !== "/v1/health")
        assert.ok(response.content?.["application/problem+json"]?.schema, status);
    }
  });
}

test("operation ids are unique", () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
});
