/**
 * Every route answers within Lambda's limit, whatever a table has become, and following its pages gives exactly what is there.
 * The app is asked as a Lambda function; `dl serve` gives the same answers.
 */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { Txn } from "../../lib/delta/actions.ts";
import { actionObjects } from "../../lib/delta/encode.ts";
import { newTableActions } from "../../lib/delta/new-table.ts";
import { planCreation } from "../../lib/delta/plan-commit.ts";
import { type JsonObject, parseJson, stringifyJson } from "../../lib/delta/values/json.ts";
import { invalid } from "../../lib/errors.ts";
import { createApp } from "../../lib/http/app.ts";
import { lambdaApi } from "../../lib/http/lambda.ts";
import { problemResponse } from "../../lib/http/problem.ts";
import { ANSWER_BYTES } from "../../lib/wire/answer-size.ts";
import { ROUTES } from "../../lib/wire/routes.ts";
import { contextOf, event } from "../functions/stage.ts";
import { testEngines } from "../support/catalog-engines.ts";
import { commitNext } from "../support/catalog-plans.ts";
import { actions, addOf, openTestLake, SCHEMA } from "../support/lake.ts";
import { unityRequests } from "../support/unity-requests.ts";

/** What Lambda takes, in bytes of JSON. */
const LAMBDA_BYTES = 6 * 1024 * 1024;

type Invoke = ReturnType<typeof lambdaApi>;
type Body = JsonObject & { readonly next?: string | number };

for (const engine of testEngines()) {
  describe(`answers fit: ${engine.name}`, async () => {
    const lake = await openTestLake(engine);
    after(() => lake.close());
    const { catalog } = lake;
    const handler = lambdaApi(
      createApp(lake, {
        version: "0",
        streams: false,
        resolveLocation: async (given, name) => given ?? `file:///t/${name}`,
      }),
    );
    const asked = new Set<string>();

    /** Asks a route, and checks the answer's size: alone, and within what a function returns. */
    async function ask(
      operationId: keyof typeof ROUTES,
      path: string,
      options: { readonly body?: unknown; readonly headers?: Record<string, string>; readonly status?: number } = {},
    ): Promise<{ readonly text: string; readonly body: Body; readonly headers: Record<string, unknown> }> {
      asked.add(operationId);
      const { method } = ROUTES[operationId];
      const sample = event<Record<string, unknown> & { requestContext: { http: object } }>("http.tables");
      const [rawPath = "", rawQueryString = ""] = path.split("?");
      const request = {
        ...sample,
        rawPath,
        rawQueryString,
        headers: { host: "api", "content-type": "application/json", ...options.headers },
        requestContext: {
          ...sample.requestContext,
          http: { ...sample.requestContext.http, method: method.toUpperCase(), path: rawPath },
        },
        ...(options.body === undefined ? {} : { body: stringifyJson(options.body), isBase64Encoded: false }),
      };
      const result = await handler(
        request as unknown as Parameters<Invoke>[0],
        contextOf("read") as unknown as Parameters<Invoke>[1],
      );
      const { body = "", isBase64Encoded, statusCode, headers = {} } = result;
      const text = isBase64Encoded ? Buffer.from(body, "base64").toString() : body;
      assert.equal(statusCode, options.status ?? 200, `${path}: ${text.slice(0, 500)}`);
      assert.ok(Buffer.byteLength(text) <= ANSWER_BYTES, `${path} answers with ${Buffer.byteLength(text)} bytes`);
      const whole = Buffer.byteLength(JSON.stringify(result));
      assert.ok(whole <= LAMBDA_BYTES, `${path} makes ${whole} bytes of JSON`);
      const isJson =
        String(headers["content-type"]).includes("json") && !String(headers["content-type"]).includes("nd");
      return { text, body: (isJson && text !== "" ? parseJson(text) : {}) as Body, headers };
    }

    /** All items of a list, page by page. @param goOn the query parameter that takes `next` */
    async function all(operationId: keyof typeof ROUTES, path: string, list: string, goOn = "cursor") {
      const items: unknown[] = [];
      let pages = 0;
      for (let next: unknown; ; ) {
        const more = next === undefined ? "" : `&${goOn}=${encodeURIComponent(String(next))}`;
        const { body } = await ask(operationId, `${path}?limit=10000${more}`);
        items.push(...(body[list] as unknown[]));
        pages += 1;
        next = body.next;
        if (next === undefined) return { items, pages };
        assert.ok(pages < 1000, "the list does not end");
      }
    }

    const ids = new Map<string, string>();
    const idOf = (name: string): string => ids.get(name) ?? assert.fail(name);
    const big = engine.name === "sqlite";
    const quotes = (n: number) => JSON.stringify({ numRecords: 1, minValues: { day: '"\\'.repeat(n / 6) } });
    const stats = (n: number) => JSON.stringify({ numRecords: 1, minValues: { day: "東".repeat(n) } });

    test("tables that are large in every dimension are made", async () => {
      const long = (i: number) => `file:///${"l".repeat(4000)}/${i}`;
      const names = Array.from({ length: 999 }, (_, i) => `${"many".repeat(20)}.t${i}`);
      const wide = {
        type: "struct",
        fields: Array.from({ length: 9000 }, (_, i) => ({
          name: `column_${i}`,
          type: "long",
          nullable: true,
          metadata: { comment: "c".repeat(100) },
        })),
      };
      const wideTable = await ask("createTable", "/v1/tables", {
        status: 201,
        body: { name: "big.wide", schema: wide },
      });
      ids.set("wide", String(wideTable.body.tableId));
      const created = await ask("createTable", "/v1/tables", {
        status: 201,
        body: { name: "big.t", schema: SCHEMA, configuration: { "delta.feature.domainMetadata": "supported" } },
      });
      ids.set("t", String(created.body.tableId));
      const plans = names.map((name, i) => {
        const tableId = crypto.randomUUID();
        return planCreation(
          { tableId, name, location: long(i) },
          newTableActions({ name, location: long(i), schema: SCHEMA }, tableId, 1),
          tableId,
        );
      });
      const made = await catalog.commit({
        transactionId: crypto.randomUUID(),
        requestHash: "h",
        tables: plans,
        epoch: undefined,
      });
      assert.equal(made.status, "committed");
      ids.set("transaction", made.status === "committed" ? made.transactionId : "");
      for (const { tableId } of plans) await catalog.setQuarantine(tableId, "東".repeat(4000));
    });

    test("one commit of 20,000 files, one of few files with megabytes of statistics", async () => {
      const tableId = idOf("t");
      const many = Array.from({ length: 20_000 }, (_, i) => addOf(`part-${i}.parquet`, { stats: stats(150) }));
      await commitNext(catalog, tableId, { actions: actions(...many, { commitInfo: { operation: "WRITE" } }) });
      const heavy = Array.from({ length: 12 }, (_, i) =>
        addOf(`heavy-${i}.parquet`, { stats: i % 2 ? quotes(900_000) : stats(900_000) }),
      );
      await commitNext(catalog, tableId, { actions: actions(...heavy) });
      await commitNext(catalog, tableId, { actions: actions(addOf("small.parquet")) });
    });

    test("GET /commits: within a version, too, in order, exactly", async () => {
      const tableId = idOf("t");
      const found: { version: number; actions: unknown[] }[] = [];
      let [after, cursor, pages]: [number, string | undefined, number] = [-1, undefined, 0];
      for (;;) {
        const { body } = await ask(
          "listCommits",
          `/v1/tables/${tableId}/commits?${cursor === undefined ? `after=${after}` : `cursor=${cursor}`}`,
        );
        const commits = body.commits as unknown as { version: number; actions: unknown[]; complete?: boolean }[];
        if (commits.length === 0) break;
        for (const { version, actions, complete } of commits) {
          const last = found.at(-1);
          if (last?.version === version) last.actions.push(...actions);
          else found.push({ version, actions: [...actions] });
          assert.equal(complete === false, body.next !== undefined);
        }
        cursor = body.next as string | undefined;
        after = Number(body.after);
        assert.equal(after, (commits.at(-1)?.version ?? 0) - (cursor === undefined ? 0 : 1));
        pages += 1;
      }
      assert.ok(pages > 8, `${pages} pages`);
      const truth = await catalog.readCommits(tableId, 0, 3);
      assert.deepEqual(
        found.map(({ version }) => version),
        truth.map(({ version }) => version),
      );
      for (const [i, commit] of truth.entries()) {
        const objects = actionObjects(commit.actions);
        const given = found[i]?.actions ?? [];
        assert.equal(given.length, objects.length);
        assert.deepEqual(given.slice(1), parseJson(stringifyJson(objects.slice(1))));
      }
      const foreign = `actions.${crypto.randomUUID()}.1.6.7`;
      const refused = await ask("listCommits", `/v1/tables/${tableId}/commits?cursor=${foreign}`, { status: 400 });
      assert.equal(refused.body.code, "INVALID_CURSOR");
    });

    test("GET /files: all files once, by pages of JSON and of lines", async () => {
      const path = `/v1/tables/${idOf("t")}/files`;
      const { items, pages } = await all("listFiles", path, "files");
      const paths = new Set(items.map((file) => (file as { path: string }).path));
      assert.deepEqual([items.length, paths.size], [20_013, 20_013]);
      assert.ok(pages > 6, `${pages} pages`);
      let [count, cursor]: [number, string | undefined] = [0, undefined];
      do {
        const query: string = cursor === undefined ? "" : `&cursor=${cursor}`;
        const { text, headers } = await ask("listFiles", `${path}?version=3${query}`, {
          headers: { accept: "application/x-ndjson" },
        });
        count += text.split("\n").length - 1;
        cursor = headers["delta-next"] as string | undefined;
      } while (cursor !== undefined);
      assert.equal(count, 20_013);
    });

    test("POST /plan: all files once, in pages that fit", async () => {
      const predicate = { not: { column: "id", op: "isNull" } };
      const paths = new Set<unknown>();
      let [pages, kept, cursor]: [number, unknown, unknown] = [0, 0, undefined];
      do {
        const more = cursor === undefined ? {} : { cursor };
        const { body } = await ask("planScan", `/v1/tables/${idOf("t")}/plan`, {
          body: { predicate, limit: 10_000, ...more },
        });
        for (const file of body.files as unknown as { path: string }[]) paths.add(file.path);
        [kept, cursor] = [body.keptFiles, body.next];
        pages += 1;
      } while (cursor !== undefined);
      assert.deepEqual([paths.size, kept], [20_013, 20_013]);
      assert.ok(pages > 6, `${pages} pages`);
    });

    test("95,000 applications and 10,000 domains", async () => {
      const tableId = idOf("t");
      const numTxns = big ? 95_000 : 12_000;
      const txns: Txn[] = Array.from({ length: numTxns }, (_, i) => ({
        appId: `app-${i}-${"x".repeat(40)}`,
        version: i,
      }));
      for (let i = 0; i < txns.length; i += 50_000) {
        await commitNext(catalog, tableId, { actions: { ...actions(), txns: txns.slice(i, i + 50_000) } });
      }
      const domain = (name: string, configuration: string, removed = false) => ({
        domain: name,
        configuration,
        removed,
      });
      const domains = Array.from({ length: big ? 10_000 : 2500 }, (_, i) => domain(`d${i}`, "c".repeat(1000)));
      const heavy = Array.from({ length: 7 }, (_, i) => domain(`heavy-${i}`, "\u0001".repeat(600_000)));
      await commitNext(catalog, tableId, { actions: { ...actions(), domains } });
      await commitNext(catalog, tableId, { actions: { ...actions(), domains: heavy } });
      await commitNext(catalog, tableId, { actions: { ...actions(), domains: [domain("d7", "", true)] } });

      const { body } = await ask("describeTable", `/v1/tables/${tableId}`);
      assert.deepEqual([body.txns, body.domains], [undefined, undefined]);
      assert.deepEqual([body.numTxns, body.numDomains], [numTxns, domains.length + 6]);
      assert.equal(body.txnsAt, `/v1/tables/${tableId}/txns?version=${body.version}`);
      await ask("listTxns", String(body.txnsAt));
      const listed = await all("listTxns", `/v1/tables/${tableId}/txns`, "txns");
      const byId = (a: { appId: string }, b: { appId: string }) => (a.appId < b.appId ? -1 : 1);
      assert.deepEqual(listed.items, txns.toSorted(byId));
      const named = await all("listDomains", `/v1/tables/${tableId}/domains`, "domains");
      const there = [...domains, ...heavy].filter(({ domain }) => domain !== "d7");
      assert.deepEqual(
        named.items,
        there.toSorted((a, b) => (a.domain < b.domain ? -1 : 1)),
      );
      assert.ok(named.pages >= 7, `${named.pages} pages`);
    });

    test("a wide schema, and long lists of tables", async () => {
      const { body } = await ask("describeTable", `/v1/tables/${idOf("wide")}`);
      assert.equal(
        (parseJson(String((body.metadata as JsonObject).schemaString)) as { fields: unknown[] } & JsonObject).fields
          .length,
        9000,
      );
      assert.deepEqual([body.txns, body.domains], [[], []]);
      const { items, pages } = await all("listTables", "/v1/tables", "tables");
      assert.equal(items.length, 1001);
      assert.ok(pages > 3, `${pages} pages`);
      const tables = items.slice(0, 1000).map((table) => ({ tableId: (table as JsonObject).tableId }));
      const moment = await ask("snapshot", "/v1/snapshots", { body: { tables } });
      assert.equal((moment.body.tables as unknown[]).length, 1000);
      const transaction = await ask("getTransaction", `/v1/transactions/${idOf("transaction")}`);
      assert.equal((transaction.body.tables as unknown[]).length, 999);
    });

    test("a history of huge commitInfo, and mirror errors", async () => {
      const tableId = idOf("wide");
      for (let i = 0; i < 6; i += 1) {
        const commitInfo = {
          operation: "MERGE",
          operationParameters: { predicate: `${i} ${'"\u0001'.repeat(350_000)}` },
        };
        const version = await commitNext(catalog, tableId, { actions: actions({ commitInfo }) });
        await catalog.markMirrorError(tableId, version, {
          message: "\u0001".repeat(4000),
          code: "X",
          failed: true,
          at: 1,
        });
      }
      const { items } = await all("listHistory", `/v1/tables/${tableId}/history`, "versions", "before");
      assert.deepEqual(
        items.map((item) => (item as { version: number }).version),
        [6, 5, 4, 3, 2, 1, 0],
      );
      const mirrored = await all("listMirrorStatuses", `/v1/tables/${tableId}/mirror`, "statuses", "after");
      assert.equal(mirrored.items.length, 7);
      let after = -1;
      const seen: number[] = [];
      for (;;) {
        const { body } = await ask("listCommits", `/v1/tables/${tableId}/commits?after=${after}`);
        const versions = (body.commits as unknown as { version: number }[]).map(({ version }) => version);
        if (versions.length === 0) break;
        seen.push(...versions);
        after = Number(body.after);
      }
      assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6]);
    });

    test("what no answer could hold is refused at the door", async () => {
      const tableId = idOf("t");
      const { version } = (await catalog.findTable({ tableId })) ?? assert.fail();
      const tags = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`t${i}`, "東".repeat(10_000)]));
      const commit = (action: unknown) => ({
        transactionId: crypto.randomUUID(),
        verifyFiles: false,
        tables: [{ tableId, readVersion: version, actions: [action] }],
      });
      for (const action of [
        addOf("x", { tags }),
        { commitInfo: { operation: "x", more: "\u0001".repeat(1_000_000) } },
      ]) {
        const { body } = await ask("commit", "/v1/commits", { body: commit(action), status: 400 });
        assert.equal(body.code, "ACTION_TOO_LARGE");
        assert.match(String(body.pointer), /^\/tables\/0\/actions\/0/);
      }
      const configuration = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`my.${i}`, "v".repeat(60_000)]));
      const created = { name: "big.refused", schema: SCHEMA, configuration };
      const { body } = await ask("createTable", "/v1/tables", { body: created, status: 400 });
      assert.equal(body.code, "ACTION_TOO_LARGE");
    });

    test("problems are cut: a thousand conflicts with long paths", async () => {
      const tables = Array.from({ length: 40 }, (_, i) => ({ name: `conflict.t${i}`, id: "" }));
      for (const table of tables) {
        const { body } = await ask("createTable", "/v1/tables", {
          status: 201,
          body: { name: table.name, schema: SCHEMA },
        });
        table.id = String(body.tableId);
        const paths = Array.from({ length: 20 }, (_, i) => addOf(`${"東".repeat(8000)}${i}`));
        await commitNext(catalog, table.id, { actions: actions(...paths) });
      }
      const again = Array.from({ length: 20 }, (_, i) => addOf(`${"東".repeat(8000)}${i}`));
      const request = {
        transactionId: crypto.randomUUID(),
        verifyFiles: false,
        tables: tables.map(({ id }) => ({ tableId: id, readVersion: 0, actions: again })),
      };
      const { body } = await ask("commit", "/v1/commits", { body: request, status: 409 });
      // The statement itself tells of a few: the Data API takes no larger answer.
      assert.equal((body.conflicts as unknown[]).length, 2);
      assert.ok((body.detail as string).length <= 20_001);
      const facts = { culprits: Array.from({ length: 1000 }, (_, i) => ({ path: "東".repeat(9000), i })) };
      const problem = problemResponse(invalid("x", { facts }), () => "", { onIncident: () => undefined });
      const text = await problem.text();
      assert.ok(Buffer.byteLength(text) < 2_000_000);
      assert.ok(Number(JSON.parse(text).omitted) > 900);
    });

    test("every route was asked", async () => {
      for (const one of ["health", "live", "openApi", "listGrants"] as const) await ask(one, ROUTES[one].path);
      await ask("createUpload", "/v1/uploads", { body: { bytes: 1 }, status: 404 });
      const to = "user:a";
      await ask("grant", "/v1/grants", { body: { privilege: "SELECT", on: "catalog", to }, status: 403 });
      await ask("revoke", `/v1/grants?role=r&to=${to}`, { status: 403 });
      await ask("importTable", "/v1/tables/import", {
        body: { name: "n.l", location: "file:///nowhere" },
        status: 404,
      });
      const at = `/v1/tables/${idOf("wide")}`;
      const nothing = { transactionId: crypto.randomUUID(), actions: [] };
      await ask("append", `${at}/appends`, { body: nothing, status: 400 });
      await ask("lendCredentials", `${at}/credentials`, { body: { access: "read" }, status: 400 });
      for (const [operation, path, body] of unityRequests(idOf("wide"))) {
        const answer = await ask(operation, path, body === undefined ? {} : { body });
        if (operation === "unityTable") assert.equal((answer.body.columns as unknown[]).length, 9000);
      }
      for (const one of ["resolveTable", "recoverTable", "vacuumTable"] as const)
        await ask(one, ROUTES[one].path.replace("{tableId}", idOf("wide")), { body: {} });
      await ask("askMirror", `${at}/mirror`, { body: {}, status: 202 });
      await ask("makeBackup", "/v1/backups", { body: {}, status: 400 });
      await ask("renameTable", at, { body: { name: "no.w" } });
      await ask("undropTable", `${at}/undrop`, { body: {} });
      await ask("dropTable", at, { status: 409 });
      assert.deepEqual(
        Object.keys(ROUTES).filter((id) => !asked.has(id)),
        [],
      );
    });
  });
}
