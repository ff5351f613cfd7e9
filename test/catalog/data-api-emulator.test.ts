/** The emulator of the Data API refuses what AWS refuses: otherwise tests on it would prove nothing. */

import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";
import { createDataApi, type DataApiDatabase } from "../support/catalog-engines.ts";
import { postgresServer } from "../support/data-api/servers/postgres.ts";
import { needs, postgresUrl } from "../support/skip.ts";

const TARGET = { resourceArn: "arn:aws:rds:x", secretArn: "arn:aws:secretsmanager:x", database: "postgres" };
const SIGNED =
  "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/rds-data/aws4_request, SignedHeaders=host, Signature=0";

interface Answer {
  readonly status: number;
  readonly error: string | undefined;
  readonly text: string;
  readonly body: { readonly [key: string]: unknown };
}

/** A call as the client of AWS makes it, without what that client checks beforehand. */
function call(endpoint: string, path: string, input: object, authorization = SIGNED): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${endpoint}${path}`, { method: "POST", headers: { authorization } }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const error = response.headers["x-amzn-errortype"];
      resolve({ status: response.statusCode ?? 0, error: error?.toString(), text, body: JSON.parse(text) });
    });
    sent.on("error", reject).end(JSON.stringify({ ...TARGET, ...input }));
  });
}

describe(
  "emulator of the Data API",
  needs("emulator of the Data API", postgresUrl, "TEST_POSTGRES_URL is not set"),
  () => {
    let time = 0;
    let database: DataApiDatabase;
    before(async () => {
      database = await createDataApi(postgresUrl ?? "", { now: () => time, statementTimeoutMs: 500 });
      await run("create table t (id uuid, n bigint, s text, j jsonb, primary key (n))");
    });
    after(() => database.drop());
    beforeEach(async () => {
      database.emulator.faults.clear();
      await run("delete from t");
    });

    const execute = (input: object) => call(database.emulator.endpoint, "/Execute", input);
    const run = (sql: string, parameters: object[] = [], more: object = {}) => execute({ sql, parameters, ...more });
    const p = (value: object, typeHint?: string) => ({
      name: "p",
      value,
      ...(typeHint === undefined ? {} : { typeHint }),
    });
    const begin = async () =>
      String((await call(database.emulator.endpoint, "/BeginTransaction", {})).body.transactionId);
    const end = (how: "Commit" | "Rollback", transactionId: string) =>
      call(database.emulator.endpoint, `/${how}Transaction`, { transactionId });
    const count = async () => (await run("select count(*) from t")).body.records;

    async function refused(answer: Promise<Answer>, error: string, message: RegExp, status = 400): Promise<void> {
      const { error: name, text, status: code } = await answer;
      assert.deepEqual([name, code], [error, status], text);
      assert.match(text, message);
    }
    const invalid = (answer: Promise<Answer>, message: RegExp) => refused(answer, "ValidationException", message);
    const sqlState = (answer: Promise<Answer>, state: string) =>
      refused(answer, "DatabaseErrorException", new RegExp(`; SQLState: ${state}"`));

    test("a text is no UUID, number or JSON without a hint or a cast", async () => {
      const id = crypto.randomUUID();
      await sqlState(run("insert into t (n, id) values (1, :p)", [p({ stringValue: id })]), "42804");
      await sqlState(run("insert into t (n, j) values (1, :p)", [p({ stringValue: "{}" })]), "42804");
      await sqlState(run("select n from t where id = :p", [p({ stringValue: id })]), "42883");
      await sqlState(run("select n from t where n = :p", [p({ stringValue: "1" })]), "42883");
      const good = [
        await run("insert into t (n, id, j) values (1, :p::uuid, '{}')", [p({ stringValue: id })]),
        await run("insert into t (n, id) values (2, :p)", [p({ stringValue: id }, "UUID")]),
        await run("insert into t (n, j) values (3, :p)", [p({ stringValue: "{}" }, "JSON")]),
        await run("insert into t (n, id) values (4, :p)", [p({ isNull: true })]),
      ];
      assert.deepEqual(
        good.map(({ body }) => body.numberOfRecordsUpdated),
        [1, 1, 1, 1],
      );
    });

    test("parameters that AWS refuses", async () => {
      await invalid(run("select :p", [p({ arrayValue: { stringValues: ["a"] } })]), /Array parameters/);
      await invalid(run("select :q", [p({ stringValue: "a" })]), /Cannot find parameter: q/);
      await invalid(run("select 1", [p({ stringValue: "a" })]), /no parameter p/);
      await invalid(run("select :p", [p({ stringValue: "a" }), p({ stringValue: "b" })]), /given twice/);
      await invalid(run("select :p", [p({ stringValue: "no uuid" }, "UUID")]), /type hint/);
      await invalid(run("select :p", [p({ stringValue: "2026-01-01T00:00:00Z" }, "TIMESTAMP")]), /type hint/);
      await invalid(run("select :p", [p({ longValue: 1 }, "DECIMAL")]), /needs a stringValue/);
      await invalid(run("select :p", [p({ stringValue: "a" }, "NUMBER")]), /not a type hint/);
      await invalid(run("select :p", [p({})]), /one value/);
    });

    test("more than one statement, transactions by SQL, and queries in batches are refused", async () => {
      await invalid(run("select 1; select 2"), /Multistatements/);
      await invalid(run("begin"), /Transactions/);
      const batch = call(database.emulator.endpoint, "/BatchExecute", { sql: "select 1", parameterSets: [] });
      await invalid(batch, /no queries/);
      assert.equal((await run("select ';' as a -- ; select 2\n;")).status, 200);
    });

    test("limits: 4 MiB a request, 65,536 characters of SQL, 64 KB a row, 1 MiB an answer", async () => {
      const text = (length: number) => [p({ stringValue: "x".repeat(length) })];
      await refused(run("select length(:p)", text(4 * 1024 * 1024)), "RequestEntityTooLargeException", /4 MiB/, 413);
      assert.equal((await run("select length(:p)", text(4 * 1024 * 1024 - 1000))).status, 200);
      await invalid(run(`select 1 -- ${"x".repeat(65_536)}`), /65536 characters/);
      await refused(run("select repeat('x', 65536) as s"), "DatabaseErrorException", /64 KB/);
      assert.equal((await run("select repeat('x', 65000) as s")).status, 200);
      const rows = (n: number) => run(`select repeat('x', 10000) as s from generate_series(1, ${n})`);
      await refused(rows(110), "DatabaseErrorException", /allowed response size limit/);
      assert.equal((await rows(100)).status, 200);
    });

    test("an answer that is too large ends the transaction", async () => {
      const transactionId = await begin();
      await run("insert into t (n) values (1)", [], { transactionId });
      await refused(
        run("select repeat('x', 10000) as s from generate_series(1, 200)", [], { transactionId }),
        "DatabaseErrorException",
        /response size/,
      );
      await refused(end("Commit", transactionId), "TransactionNotFoundException", /is not found/, 404);
      assert.deepEqual(await count(), [[{ longValue: 0 }]]);
    });

    test("errors of the server carry their SQLSTATE", async () => {
      await run("insert into t (n) values (1)");
      await sqlState(run("insert into t (n) values (1)"), "23505");
      await sqlState(run("select nonsense"), "42703");
      const transactionId = await begin();
      await sqlState(run("select nonsense", [], { transactionId }), "42703");
      await sqlState(run("select 1 as one", [], { transactionId }), "25P02");
      await end("Rollback", transactionId);
    });

    test("a statement is stopped at the time limit, unless it may run on", async () => {
      const slow = "insert into t (n) select 1 from pg_sleep(1)";
      await refused(run(slow), "StatementTimeoutException", /timed out/);
      assert.deepEqual(await count(), [[{ longValue: 0 }]]);
      await refused(run(slow, [], { continueAfterTimeout: true }), "StatementTimeoutException", /timed out/);
      assert.deepEqual(await count(), [[{ longValue: 1 }]]);
    });

    test("transactions keep to themselves until they are committed, and expire after three idle minutes", async () => {
      const first = await begin();
      await run("insert into t (n) values (1)", [], { transactionId: first });
      assert.deepEqual(await count(), [[{ longValue: 0 }]]);
      time += 179_000;
      await run("insert into t (n) values (2)", [], { transactionId: first });
      time += 179_000;
      assert.equal((await end("Commit", first)).body.transactionStatus, "Transaction Committed");
      assert.deepEqual(await count(), [[{ longValue: 2 }]]);
      const second = await begin();
      await run("insert into t (n) values (3)", [], { transactionId: second });
      time += 180_000;
      await refused(end("Commit", second), "TransactionNotFoundException", /is not found/, 404);
      await refused(end("Rollback", "nonsense"), "TransactionNotFoundException", /is not found/, 404);
      assert.deepEqual(await count(), [[{ longValue: 2 }]]);
      assert.equal(database.emulator.openTransactions(), 0);
    });

    test("values by their types; 64-bit integers with all digits; types that it cannot send", async () => {
      const { text } =
        await run(`select true as b, 9007199254740993 as l, 1.5::float8 as d, 1.50::numeric as m, null as n,
      'a' as s, '\\x00ff'::bytea as y, '{"a": 1}'::jsonb as j, array['a', 'b "c"'] as a,
      '2026-01-01 01:00:00+01'::timestamptz as z`);
      assert.ok(
        text.includes(
          '[{"booleanValue":true},{"longValue":9007199254740993},{"doubleValue":1.5},{"stringValue":"1.50"},{"isNull":true},' +
            '{"stringValue":"a"},{"blobValue":"AP8="},{"stringValue":"{\\"a\\": 1}"},' +
            '{"arrayValue":{"stringValues":["a","b \\"c\\""]}},{"stringValue":"2026-01-01 00:00:00.000"}]',
        ),
        text,
      );
      const asText = await run("select 9007199254740993 as l", [], { resultSetOptions: { longReturnType: "STRING" } });
      assert.deepEqual(asText.body.records, [[{ stringValue: "9007199254740993" }]]);
      await refused(run("select pg_sleep(0) as v"), "UnsupportedResultException", /column v/);
    });

    test("calls that lack a name or a signature are refused", async () => {
      await invalid(execute({ sql: "select 1", resourceArn: undefined }), /resourceArn is required/);
      await invalid(execute({ sql: "select 1", secretArn: undefined }), /secretArn is required/);
      await invalid(execute({ sql: "select 1", schema: "public" }), /schema/);
      await sqlState(run("select 1", [], { database: "no_such_database" }), "3D000");
      const unsigned = call(database.emulator.endpoint, "/Execute", { sql: "select 1" }, "none");
      await refused(unsigned, "MissingAuthenticationTokenException", /not signed/, 403);
    });
  },
);

test("only what is outside of literals, names, comments and casts is a parameter", () => {
  const sql = `select ':a' || E'\\':a' || "x:a", $$:a$$, $f$ x := :a; $f$, n::bigint, :a, uuid':a' -- :a
    /* :a; */ from t where x = :a::uuid;`;
  const server = postgresServer("postgresql://localhost/none");
  const bound = server.bind(sql, [{ name: "a", value: { stringValue: "v" } }]);
  assert.deepEqual(bound.values, ["v"]);
  assert.equal(bound.text, sql.replace("bigint, :a,", "bigint, $1::text,").replace("= :a::uuid;", "= $1::text::uuid"));
});
