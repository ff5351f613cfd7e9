/** The bounds of requests: exactly as many are taken, one more is refused at its place, whatever else the request holds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { COUNT, TEXT } from "../../lib/delta/limits.ts";
import { isLakeError } from "../../lib/errors.ts";
import { checked } from "../../lib/validation.ts";
import { decodeCommitRequest } from "../../lib/wire/commit-request.ts";
import { createTableRequest } from "../../lib/wire/contracts/tables.ts";
import { client, stubLake } from "../http/stub-lake.ts";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const ADD = { path: "a.parquet", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
const of = (more: object) => ({ transactionId: ID, tables: [{ table: "a.b", readVersion: 0, actions: [], ...more }] });
const acting = (action: object) => of({ actions: [action] });
const entries = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, "v"]));
const texts = (n: number) => Array.from({ length: n }, (_, i) => `f${i}`);
const txns = (n: number) => Array.from({ length: n }, (_, i) => ({ txn: { appId: `a${i}`, version: 1 } }));
const metaData = { id: "x", format: { provider: "parquet", options: {} }, partitionColumns: [], configuration: {} };

function pointerOf(body: object): string | undefined {
  try {
    decodeCommitRequest(body as never);
    return undefined;
  } catch (error) {
    assert.ok(isLakeError(error, "invalid"), String(error));
    return error.at ?? "";
  }
}

const BOUNDS: readonly [what: string, most: number, body: (n: number) => object, pointer: string][] = [
  ["actions of a table", COUNT.actions, (n) => of({ actions: txns(n) }), "/tables/0/actions"],
  [
    "tables",
    COUNT.tables,
    (n) => ({ transactionId: ID, tables: Array.from({ length: n }, () => of({}).tables[0]) }),
    "/tables",
  ],
  ["a path", TEXT.path, (n) => acting({ add: { ...ADD, path: "a".repeat(n) } }), "/tables/0/actions/0/add/path"],
  [
    "statistics",
    TEXT.document,
    (n) => acting({ add: { ...ADD, stats: "a".repeat(n) } }),
    "/tables/0/actions/0/add/stats",
  ],
  ["tags", COUNT.entries, (n) => acting({ add: { ...ADD, tags: entries(n) } }), "/tables/0/actions/0/add/tags"],
  [
    "a tag",
    TEXT.value,
    (n) => acting({ add: { ...ADD, tags: { t: "a".repeat(n) } } }),
    "/tables/0/actions/0/add/tags/t",
  ],
  [
    "properties",
    COUNT.properties,
    (n) => acting({ metaData: { ...metaData, configuration: entries(n) } }),
    "/tables/0/actions/0/metaData/configuration",
  ],
  [
    "a schema",
    TEXT.schema,
    (n) => acting({ metaData: { ...metaData, schemaString: "a".repeat(n) } }),
    "/tables/0/actions/0/metaData/schemaString",
  ],
  [
    "a text of commitInfo",
    TEXT.document,
    (n) => acting({ commitInfo: { operation: "a".repeat(n) } }),
    "/tables/0/actions/0/commitInfo/operation",
  ],
  ["files read", COUNT.filesRead, (n) => of({ reads: { files: texts(n) } }), "/tables/0/reads/files"],
  ["applications", COUNT.applications, (n) => of({ reads: { appIds: texts(n) } }), "/tables/0/reads/appIds"],
  [
    "features",
    COUNT.features,
    (n) => of({ supportedFeatures: { writer: texts(n) } }),
    "/tables/0/supportedFeatures/writer",
  ],
  [
    "values of predicates",
    COUNT.predicateValues,
    (n) => of({ reads: { predicates: [{ column: "d", op: "in", values: texts(n - 4) }] } }),
    "/tables/0/reads/predicates",
  ],
];

for (const [what, most, body, pointer] of BOUNDS) {
  test(`${most} are taken and ${most + 1} refused: ${what}`, () => {
    assert.equal(pointerOf(body(most)), undefined);
    assert.equal(pointerOf(body(most + 1)), pointer);
  });
}

test("100,000 actions are the most of a whole request", () => {
  const two = (n: number) => ({
    transactionId: ID,
    tables: [
      { table: "a.b", readVersion: 0, actions: txns(COUNT.actions - 1) },
      { table: "a.c", readVersion: 0, actions: txns(n) },
    ],
  });
  assert.equal(pointerOf(two(1)), undefined);
  assert.equal(pointerOf(two(2)), "/tables");
});

test("a list that is too long costs nothing: its items are not looked at", async () => {
  const tables = Array.from({ length: 200_000 }, () => ({ wrong: 1 }));
  const { status, text } = await client(stubLake()).post("/v1/commits", { transactionId: ID, tables });
  assert.equal(status, 400);
  assert.ok(text.length < 2000, text.slice(0, 200));
});

test("of many culprits a hundred are named, and all counted", async () => {
  const tables = Array.from({ length: 1000 }, () => ({ wrong: 1 }));
  const { body } = await client(stubLake()).post("/v1/commits", { transactionId: ID, tables });
  assert.equal((body.errors as unknown[]).length, 100);
  assert.match(String(body.detail), /and 1999 more/);
});

test("names that JavaScript finds special survive in a configuration", () => {
  const given = JSON.parse(
    '{"name":"a.b","schema":{"type":"struct","fields":[]},"configuration":{"__proto__":"1","constructor":"2"}}',
  );
  assert.equal(JSON.stringify(checked(createTableRequest, given).configuration), '{"__proto__":"1","constructor":"2"}');
});

test("the document says so", async () => {
  const { body } = await client(stubLake()).get("/v1/openapi.json");
  const { schemas } = (body as { components: { schemas: Record<string, { properties: Record<string, unknown> }> } })
    .components;
  assert.deepEqual(schemas.TableCommit?.properties.actions, {
    type: "array",
    maxItems: COUNT.actions,
    items: { $ref: "#/components/schemas/Action" },
  });
  const bare: string[] = [];
  for (const name of ["CommitRequest", "CreateTableRequest", "ImportRequest", "SnapshotRequest", "Action"]) {
    unbounded(schemas[name], `/${name}`, schemas, bare, new Set());
  }
  assert.deepEqual(bare, [], "texts, lists and maps without a bound");
});

/** Places of a schema whose texts, lists or maps may be of any length. */
function unbounded(
  schema: unknown,
  at: string,
  schemas: Readonly<Record<string, unknown>>,
  found: string[],
  seen: Set<string>,
): void {
  if (typeof schema !== "object" || schema === null) return;
  const {
    $ref,
    type,
    maxLength,
    maxItems,
    maxProperties,
    properties,
    enum: values,
    const: value,
  } = schema as Record<string, unknown>;
  if (typeof $ref === "string") {
    if (seen.has($ref)) return;
    seen.add($ref);
    unbounded(schemas[$ref.replace("#/components/schemas/", "")], at, schemas, found, seen);
    return;
  }
  const isText = type === "string" && values === undefined && value === undefined;
  if (isText && maxLength === undefined) found.push(at);
  if (type === "array" && maxItems === undefined) found.push(at);
  if (type === "object" && properties === undefined && maxProperties === undefined) found.push(at);
  for (const [name, inner] of Object.entries((properties ?? {}) as object)) {
    unbounded(inner, `${at}/${name}`, schemas, found, seen);
  }
  for (const key of ["items", "additionalProperties"] as const) {
    unbounded((schema as Record<string, unknown>)[key], `${at}/${key}`, schemas, found, seen);
  }
}
