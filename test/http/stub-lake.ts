/** A lake of which a test gives only the calls it expects; any other fails the test. */

import { parseJson } from "../../lib/delta/values/json.ts";
import { createApp } from "../../lib/http/app.ts";
import type { HostOptions } from "../../lib/http/endpoint.ts";
import type { Catalog, Lake } from "../../lib/ports.ts";
import { assertNoSecret } from "../support/secrets.ts";

export function stubLake(catalog: Partial<Catalog> = {}): Lake {
  let ids = 0;
  const newId = () => {
    ids += 1;
    return `incident-${ids}`;
  };
  return {
    catalog: new Proxy(catalog, {
      get(target, name) {
        const found = Reflect.get(target, name);
        if (found !== undefined) return found;
        if (name === "accessState") return async () => ({ mode: "open", version: 0, changedAt: 0 });
        return () => Promise.reject(new Error(`unexpected call of catalog.${String(name)}`));
      },
    }) as Catalog,
    openLog: () => {
      throw new Error("unexpected openLog");
    },
    queue: { enqueue: async () => undefined },
    clock: { now: () => 1000, newId, sleep: async () => undefined },
    metrics: { record: () => undefined },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; an empty object when there is none. */
  readonly body: Record<string, unknown>;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  assertNoSecret(text + JSON.stringify([...response.headers]), response.url || "an answer");
  const isJson = /[/+]json$/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text !== "" && isJson ? (parseJson(text) as Record<string, unknown>) : {},
  };
}

/** Sends requests to an app over the given lake. */
export function client(lake: Lake, options: Partial<HostOptions> = {}) {
  const app = createApp(lake, {
    version: "1.2.3",
    resolveLocation: async (location) => location ?? "file:///default",
    ...options,
  });
  const send = async (path: string, init?: RequestInit) => answerOf(await app.request(path, init));
  return {
    app,
    get: (path: string, headers: Record<string, string> = {}) => send(path, { headers }),
    send,
    /** A text body is sent as it is. */
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      send(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
      }),
  };
}
