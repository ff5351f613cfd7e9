/** Requests that are wrong, and what the answers say: problem details, pointers, statuses, never a stack. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { corrupt, LakeError, unavailable } from "../../lib/errors.ts";
import { type Answer, client, stubLake } from "./stub-lake.ts";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const ADD = { path: "a.parquet", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
const REQUEST = { transactionId: ID, tables: [{ table: "a.b", readVersion: 0, actions: [{ add: ADD }] }] };
const api = client(stubLake());

function assertProblem(answer: Answer, status: number, code: string): Record<string, unknown> {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(answer.body.status, status);
  assert.equal(answer.body.code, code);
  assert.equal(answer.body.type, `urn:deltalakedb:problem:${code}`);
  assert.ok(answer.body.title && answer.body.detail);
  assert.ok(!answer.text.includes("at file:") && !answer.text.includes(".ts:"), "a stack has leaked");
  return answer.body;
}

const table = (changes: object) => ({ ...REQUEST, tables: [{ ...REQUEST.tables[0], ...changes }] });

const REFUSED: readonly [what: string, body: unknown, pointer: string | undefined, detail: RegExp, hint?: RegExp][] = [
  ["a list", [], "", /expected an object, got \[\]/],
  ["no tables", { transactionId: ID, tables: [] }, "/tables", /at least 1 item/],
  ["no transactionId", { tables: REQUEST.tables }, "/transactionId", /"transactionId" is missing/],
  ["no UUID", { ...REQUEST, transactionId: "7" }, "/transactionId", /expected a UUID, got "7"/],
  [
    "a misspelt member",
    { ...REQUEST, acknowlege: "sql" },
    "/acknowlege",
    /unknown member "acknowlege"/,
    /"acknowledge"/,
  ],
  ["a member in the wrong case", table({ readversion: 0 }), "/tables/0/readversion", /unknown member/, /"readVersion"/],
  ["a fraction", table({ readVersion: 1.5 }), "/tables/0/readVersion", /expected an integer, got 1.5/],
  ["a number as text", table({ readVersion: "1" }), "/tables/0/readVersion", /expected (a number|an integer), got "1"/],
  ["a negative version", table({ readVersion: -1 }), "/tables/0/readVersion", /at least 0, got -1/],
  ["an unknown level", table({ isolationLevel: "None" }), "/tables/0/isolationLevel", /"Serializable" or /],
  ["two names", table({ tableId: ID }), "/tables/0", /named twice/, /one of the two/],
  ["no name", table({ table: undefined }), "/tables/0", /not named/],
  ["a bare name", table({ table: "orders" }), "/tables/0/table", /a table name such as/],
  ["actions as object", table({ actions: {} }), "/tables/0/actions", /expected an array, got {}/],
  [
    "a size as text",
    table({ actions: [{ add: { ...ADD, size: "1" } }] }),
    "/tables/0/actions/0/add/size",
    /64-bit integer, got "1"/,
  ],
  [
    "two actions in one",
    table({ actions: [{ add: ADD, remove: {} }] }),
    "/tables/0/actions/0",
    /one action per object/,
  ],
  ["an empty action", table({ actions: [{}] }), "/tables/0/actions/0", /empty/],
  [
    "two protocols",
    table({
      actions: [
        { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
        { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      ],
    }),
    "/tables/0/actions/1",
    /at most one protocol/,
  ],
  [
    "an unknown member of reads",
    table({ reads: { wholetable: true } }),
    "/tables/0/reads/wholetable",
    /unknown member/,
    /"wholeTable"/,
  ],
];

for (const [what, body, pointer, detail, hint] of REFUSED) {
  test(`POST /v1/commits refuses ${what}`, async () => {
    const answer = await api.post("/v1/commits", body);
    const problem = assertProblem(answer, 400, String(answer.body.code));
    assert.equal(problem.pointer, pointer);
    assert.match(String(problem.detail), detail);
    if (hint) assert.match(String(problem.hint), hint);
  });
}

test("several culprits are all named", async () => {
  const { errors } = assertProblem(
    await api.post("/v1/commits", { tables: [{ readVersion: "x" }] }),
    400,
    "INVALID_REQUEST",
  );
  const pointers = (errors as { pointer: string }[]).map((error) => error.pointer);
  assert.deepEqual(pointers, ["/transactionId", "/tables/0/readVersion", "/tables/0/actions"]);
});

test("malformed JSON is located", async () => {
  const problem = assertProblem(await api.post("/v1/commits", '{\n  "tables": [,]\n}'), 400, "MALFORMED_JSON");
  assert.equal(problem.line, 2);
  assert.equal(problem.column, 14);
});

test("bodies of other kinds are refused with their own status", async () => {
  const other = { "content-type": "text/plain" };
  assertProblem(await api.post("/v1/commits", "{}", other), 415, "UNSUPPORTED_MEDIA_TYPE");
  assertProblem(await api.send("/v1/commits", { method: "POST" }), 415, "UNSUPPORTED_MEDIA_TYPE");
  assertProblem(await api.post("/v1/commits", "{}", { "content-encoding": "gzip" }), 415, "UNSUPPORTED_MEDIA_TYPE");
  const latin = { "content-type": "application/json; charset=latin1" };
  assertProblem(await api.post("/v1/commits", "{}", latin), 415, "UNSUPPORTED_MEDIA_TYPE");
  assertProblem(await api.post("/v1/commits", ""), 400, "INVALID_REQUEST");
});

test("a body beyond the limit is refused, announced or not", async () => {
  const small = client(stubLake(), { bodyLimitBytes: 100 });
  const body = JSON.stringify({ x: "y".repeat(200) });
  const problem = assertProblem(
    await small.post("/v1/commits", body, { "content-length": "9999" }),
    413,
    "BODY_TOO_LARGE",
  );
  assert.equal(problem.limitBytes, 100);
  assertProblem(await small.post("/v1/commits", body), 413, "BODY_TOO_LARGE");
});

test("unknown routes and methods", async () => {
  const lost = assertProblem(await api.get("/v1/tabels"), 404, "ROUTE_NOT_FOUND");
  assert.match(String(lost.hint), /Did you mean \/v1\/tables\?/);
  const wrong = await api.send("/v1/tables/import", { method: "PUT" });
  assertProblem(wrong, 405, "METHOD_NOT_ALLOWED");
  assert.equal(wrong.headers.get("allow"), "POST");
  const table = await api.send(`/v1/tables/${ID}`, { method: "POST" });
  assert.equal(table.headers.get("allow"), "GET, DELETE, PATCH");
  assertProblem(await api.get("/metrics"), 404, "ROUTE_NOT_FOUND");
});

const QUERIES: readonly [path: string, detail: RegExp][] = [
  [`/v1/tables/${ID}/files?limit=0`, /at least 1, got 0/],
  [`/v1/tables/${ID}/files?limit=10001`, /at most 10000/],
  [`/v1/tables/${ID}/files?version=9007199254740993`, /at most 9007199254740991, got 9007199254740993$/],
  [`/v1/tables/${ID}/commits?after=-9007199254740993`, /at least -1, got -9007199254740993$/],
  [`/v1/tables/${ID}/files?limit=many`, /an integer, got "many"/],
  [`/v1/tables/${ID}/files?limit=1&limit=2`, /given 2 times/],
  [`/v1/tables/${ID}/files?verion=1`, /unknown query parameter "verion"/],
  [`/v1/tables/${ID}/files?timestamp=yesterday`, /ISO 8601/],
  [`/v1/tables/${ID}/files?timestamp=2026-01-01T00:00:00`, /time zone/],
  ["/v1/tables/orders/files", /UUID of a table, or namespace.name/],
  [`/v1/tables/${ID}?x=1`, /unknown query parameter "x"/],
  [`/v1/tables/${ID}/commits?limit=1001`, /at most 1000/],
  ["/v1/transactions/abc", /expected a UUID, got "abc"/],
];
for (const [path, detail] of QUERIES) {
  test(`GET ${path.replace(ID, "…")} is refused`, async () => {
    const problem = assertProblem(await api.get(path), 400, "INVALID_REQUEST");
    assert.match(String(problem.detail), detail);
  });
}

test("after and cursor of commits exclude each other", async () => {
  const answer = await api.get(`/v1/tables/${ID}/commits?after=1&cursor=x`);
  assert.match(String(assertProblem(answer, 400, "INVALID_REQUEST").detail), /not both/);
});

const listing = (error: unknown) => stubLake({ listTables: () => Promise.reject(error) });

test("unavailable: 503 with Retry-After", async () => {
  const answer = await client(listing(unavailable("the database is busy"))).get("/v1/tables");
  assertProblem(answer, 503, "UNAVAILABLE");
  assert.equal(answer.headers.get("retry-after"), "1");
});

test("a defect: 500 with an incident id, and nothing of the defect", async () => {
  const incidents: unknown[] = [];
  const defect = new Error("secret words");
  const answer = await client(listing(defect), { onIncident: (error, id) => incidents.push(error, id) }).get(
    "/v1/tables",
  );
  const problem = assertProblem(answer, 500, "INTERNAL");
  assert.equal(problem.incident, "incident-1");
  assert.ok(!answer.text.includes("secret"));
  assert.deepEqual(incidents, [defect, "incident-1"]);
});

test("damaged data: 500 that says what", async () => {
  const problem = assertProblem(await client(listing(corrupt("row 7 is broken"))).get("/v1/tables"), 500, "CORRUPT");
  assert.equal(problem.detail, "row 7 is broken");
  assert.ok(problem.incident);
});

test("an idempotency key that was used otherwise: 422", async () => {
  const error = new LakeError("invalid", "used before", {
    code: "IDEMPOTENCY_KEY_REUSED",
    facts: { status: 7, table: "a.b" },
  });
  const problem = assertProblem(await client(listing(error)).get("/v1/tables"), 422, "IDEMPOTENCY_KEY_REUSED");
  assert.equal(problem.table, "a.b");
});

type Parts = Record<string, { state: string; detail?: string; milliseconds: number }>;

test("health is 503 while the database is away", async () => {
  const sick = await client(stubLake({ ping: () => Promise.reject(unavailable("no route to host")) })).get(
    "/v1/health",
  );
  assert.equal(sick.status, 503);
  const { parts, ...rest } = sick.body;
  assert.deepEqual(rest, { status: "unhealthy", database: "no route to host", version: "1.2.3" });
  assert.equal((parts as Parts).database?.state, "unavailable");
  const well = await client(stubLake({ ping: async () => [], listMirrorFacts: async () => ({ items: [] }) })).get(
    "/v1/health",
  );
  assert.deepEqual([well.body.status, well.body.database], ["healthy", "ok"]);
});

test("health answers within a second whatever hangs, asks once, and says since when", async () => {
  let asked = 0;
  const hanging = {
    name: "storage",
    check: () => {
      asked += 1;
      return new Promise<never>(() => undefined);
    },
  };
  const cautious = { name: "disk", check: async () => ["fsync is off"] };
  const api = client(stubLake({ ping: async () => [] }), { parts: [hanging, cautious] });
  const startedAt = performance.now();
  await Promise.all([api.get("/v1/health"), api.get("/v1/health")]);
  const { status, body } = await api.get("/v1/health");
  assert.ok(performance.now() - startedAt < 4_000);
  assert.deepEqual([status, body.status, asked], [200, "degraded", 1]);
  const { storage, disk } = body.parts as Parts;
  assert.equal(storage?.state, "silent");
  assert.ok((storage?.milliseconds ?? 0) > 1_500, "since the first question");
  assert.deepEqual([disk?.state, disk?.detail], ["warning", "fsync is off"]);
});

test("a database that is gone, or is another one, is said to be", async () => {
  for (const [code, state] of [
    ["DATABASE_GONE", "gone"],
    ["DATABASE_CHANGED", "changed"],
  ] as const) {
    const ping = () => Promise.reject(unavailable("look", { code, hint: "Restart it." }));
    const { status, body } = await client(stubLake({ ping })).get("/v1/health");
    assert.deepEqual([status, (body.parts as Parts).database?.state], [503, state]);
  }
});

test("numbers in messages keep their digits", async () => {
  for (const number of ["9007199254740993", "123456789012345678901234567890", "1e400", "1.5"]) {
    const at = `{"transactionId":"${ID}","tables":[{"table":"a.b","readVersion":${number},"actions":[]}]}`;
    const { body } = await api.post("/v1/commits", at);
    assert.equal(body.pointer, "/tables/0/readVersion");
    assert.match(String(body.detail), new RegExp(`got ${number}$`));
    const size = `{"transactionId":"${ID}","tables":[{"table":"a.b","readVersion":0,"actions":[{"txn":{"appId":"a","version":${number}9}}]}]}`;
    if (/\d{20}|[.e]/.test(number))
      assert.match(String((await api.post("/v1/commits", size)).body.detail), /got \S+9$/);
    const moment = `{"tables":[{"table":"a.b"}],"timestamp":${number}}`;
    const refused = await api.post("/v1/snapshots", moment);
    assert.equal(refused.body.pointer, "/timestamp");
    assert.match(String(refused.body.detail), /milliseconds since the epoch, or ISO 8601/);
  }
});

test("what a client does not accept is a 406, and a name in a path is no placeholder", async () => {
  for (const path of ["/v1/tables", `/v1/tables/${ID}/files`, "/v1/health"]) {
    assertProblem(await api.get(path, { accept: "text/html" }), 406, "NOT_ACCEPTABLE");
    assertProblem(await api.get(path, { accept: "application/json;q=0" }), 406, "NOT_ACCEPTABLE");
  }
  const { status } = await client(stubLake({ ping: async () => [] })).get("/v1/health", {
    accept: "text/html, application/*;q=0.8",
  });
  assert.equal(status, 200);
  const wrong = await api.get("/v1/tables/import");
  assertProblem(wrong, 405, "METHOD_NOT_ALLOWED");
  assert.equal(wrong.headers.get("allow"), "POST");
});

test("a name that occurs twice in a body is refused on every route that has one", async () => {
  for (const path of ["/v1/commits", "/v1/tables", "/v1/tables/import", "/v1/snapshots", "/v1/uploads"]) {
    const answer = await api.post(path, '{"tables":[],"name":"a.b","x":{"y":1,"\\u0079":2}}');
    assert.equal(assertProblem(answer, 400, "DUPLICATE_NAME").pointer, "/x/y");
  }
});
