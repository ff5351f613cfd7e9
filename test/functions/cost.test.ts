/** What a commit costs beside the work itself, counted on functions that run: calls of the Data API, and bytes of logs. docs/costs.md multiplies it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CALLS_ON_MYSQL, MEASURED } from "../../bench/costs/measured.ts";
import { createDataApi, dataApiServer, NO_DATA_API_SERVER } from "../support/catalog-engines.ts";
import { needs } from "../support/skip.ts";
import { contextOf, event, openStage, printedAll, sqsEvent } from "./stage.ts";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const SUITE = "what functions cost";
describe(SUITE, needs(SUITE, dataApiServer, NO_DATA_API_SERVER), () => {
  test("a commit, its mirror and a parity check: calls of the Data API, and bytes of logs", async (t) => {
    const database = await createDataApi(dataApiServer ?? "");
    const stage = await openStage();
    Object.assign(process.env, { DATABASE_URL: database.url, POWERTOOLS_LOG_LEVEL: "INFO" });
    const handlers: Record<string, Handler> = {};
    for (const name of ["commit", "mirror", "parity", "migrate"]) {
      handlers[name] = (await import(`../../functions/${name}.ts`)).handler as Handler;
    }
    const { calls } = database.emulator;
    const invoke = async (name: string, payload: unknown) => {
      database.emulator.resetCalls();
      const { result, lines } = await printedAll(async () => handlers[name]?.(payload, contextOf(name)));
      const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
      return {
        result: result as { body: string; statusCode: number },
        bytes,
        calls: Object.values(calls).reduce((a, b) => a + b),
      };
    };
    const sample = (name: string) => event<object>(name);
    await invoke("migrate", sample("custom-resource.create"));
    const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
    const made = await invoke("commit", {
      ...sample("http.create-table"),
      body: JSON.stringify({ name: "a.b", schema }),
    });
    const { tableId } = JSON.parse(made.result.body) as { tableId: string };
    await invoke("mirror", stage.take("mirror.fifo"));
    const seen = { commit: [0, 0], mirror: [0, 0], parity: [0, 0] };
    const note = (name: keyof typeof seen, { calls, bytes }: { calls: number; bytes: number }) => {
      seen[name] = [calls, bytes];
    };
    const commitOne = async (version: number) => {
      const add = { path: `p${version}.parquet`, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
      const body = JSON.stringify({
        transactionId: crypto.randomUUID(),
        tables: [{ tableId, readVersion: version, actions: [{ add }] }],
      });
      const answer = await invoke("commit", { ...sample("http.commit"), body });
      assert.equal(answer.result.statusCode, 201, answer.result.body);
      return answer;
    };
    // The first ones look at the table and its log.
    for (let version = 0; version < 4; version += 1) {
      note("commit", await commitOne(version));
      note("mirror", await invoke("mirror", stage.take("mirror.fifo")));
    }
    note("parity", await invoke("parity", sqsEvent([{ body: JSON.stringify({ tableId }) }])));
    note("parity", await invoke("parity", sqsEvent([{ body: JSON.stringify({ tableId }) }])));
    t.diagnostic(JSON.stringify(seen));
    await stage.close();
    await database.drop();
    const names = Object.keys(seen) as (keyof typeof seen)[];
    for (const name of names) {
      const [counted, bytes] = seen[name];
      const said = MEASURED[name];
      const calls = (dataApiServer?.startsWith("mysql") ? CALLS_ON_MYSQL[name] : undefined) ?? said.dataApiCalls;
      assert.equal(counted, calls, `${name}: calls of the Data API`);
      assert.ok(
        Math.abs((bytes ?? 0) - said.logBytes) < 60,
        `${name}: ${bytes} bytes of logs, ${said.logBytes} were measured`,
      );
    }
  });
});
