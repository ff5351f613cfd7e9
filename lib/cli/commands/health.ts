/** dl health: whether the parts of the service answer, and which tables are not ok; with --url, what a running server says of itself. */

import { Command } from "commander";
import type { Config } from "../../config.ts";
import { deadlineMs } from "../../deadlines.ts";
import { errorText, LakeError } from "../../errors.ts";
import { maskedUrl } from "../../masked-url.ts";
import { lakeHealth } from "../../operations/table-health.ts";
import { apiAccess } from "../api-access.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { healthText } from "../format.ts";
import type { Output } from "../output.ts";
import { VERSION } from "../version.ts";

/** Tables that are named; `dl tables` has them all. */
const TROUBLED_TABLES = 100;

interface Options {
  readonly url?: string;
}

export function healthCommand(): Command {
  return new Command("health")
    .option("--url <url>", "ask a running dl serve, such as http://127.0.0.1:8080; exits 1 unless it takes requests")
    .action(
      action<Options>(async ({ config, output, database, withLake }, { url: server }) => {
        if (server !== undefined) return healthOfServer(server, output);
        const [health, storage] = await Promise.all([
          withLake((lake) => lakeHealth(lake, TROUBLED_TABLES), { mirror: false }),
          storagePart(config),
        ]);
        const { tables, troubled, lagSeconds, isLate } = health;
        const url = maskedUrl(database());
        const parts = {
          database: { state: "ok" },
          tables: { state: troubled.length === 0 ? "ok" : "degraded" },
          mirrorLag: { state: isLate ? "degraded" : "ok", lagSeconds },
          ...(storage && { storage }),
        };
        const status = storage?.state === "unavailable" ? "degraded" : health.status;
        await output.result({ status, database: "ok", version: VERSION, url, parts, tables, troubled }, () =>
          [
            `${status}: ${url} answers`,
            ...(storage?.detail ? [`storage: ${storage.detail}`] : []),
            ...troubled.map((one) => `${one.table}: ${healthText(one)}`),
          ].join("\n"),
        );
        if (storage?.detail) return EXIT.failed;
        const { late, ...worse } = tables;
        if (Object.values(worse).some((count) => count > 0)) return EXIT.drift;
        return late > 0 ? EXIT.lag : EXIT.ok;
      }),
    );
}

/** The place of new tables, where one is set. */
async function storagePart({
  server,
}: Config): Promise<{ readonly state: string; readonly detail?: string } | undefined> {
  if (server.storage === undefined) return undefined;
  const [{ toLocation }, { askStorage }] = await Promise.all([
    import("../../lake/local.ts"),
    import("../../lake/stores.ts"),
  ]);
  try {
    await askStorage(await toLocation(server.storage));
    return { state: "ok" };
  } catch (error) {
    return { state: "unavailable", detail: errorText(error) };
  }
}

async function healthOfServer(server: string, output: Output): Promise<number> {
  const { status, body } = await askServer(server);
  const said = typeof body.status === "string" ? body.status : "not a health";
  const parts = Object.entries((body.parts ?? {}) as Record<string, { state: string; detail?: string }>);
  await output.result(body, () =>
    [
      `${said}: ${maskedUrl(server)} answers ${status}`,
      ...parts
        .filter(([, { state }]) => state !== "ok")
        .map(([name, { state, detail }]) => `${name}: ${state}${detail === undefined ? "" : ` (${detail})`}`),
    ].join("\n"),
  );
  return status === 200 ? EXIT.ok : EXIT.failed;
}

/** @throws LakeError unavailable */
async function askServer(server: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const key = await apiAccess(process.env)();
  try {
    const url = new URL("/v1/health", server);
    const headers = key ? { authorization: `Bearer ${key}` } : {};
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(deadlineMs("serverHealth")) });
    const text = await answer.text();
    const body: unknown = text.startsWith("{") ? JSON.parse(text) : {};
    return { status: answer.status, body: body as Record<string, unknown> };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? errorText(error.cause) : errorText(error);
    throw new LakeError("unavailable", `${maskedUrl(server)} does not answer: ${cause}`, { cause: error });
  }
}
