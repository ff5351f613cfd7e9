/** The catalog as the gateway sees it: the API, whether it is in this process or behind a URL. */

import { deadlineMs } from "../deadlines.ts";
import type { Protocol } from "../delta/actions.ts";
import { isFenced } from "../delta/fence.ts";
import { type JsonObject, parseJson, stringifyJson } from "../delta/values/json.ts";
import { type ErrorKind, errorText, HTTP_STATUS, LakeError, unavailable } from "../errors.ts";
import type { Caller } from "./exchange.ts";

/** Sends a request to the API: `fetch`, or the app itself. */
export type SendToApi = (request: Request) => Promise<Response>;

/** Likewise as this caller, where the API is in this process; without one, as the gateway. */
export type SendAs = (request: Request, caller?: Caller) => Promise<Response>;

export interface TableHere {
  readonly tableId: string;
  readonly name: string;
  /** The newest. */
  readonly version: number;
  /** The log may lack what is above: at the moment of asking. */
  readonly published: number;
}

export type CommitOutcome =
  | { readonly status: "committed"; readonly version: number; readonly replayed: boolean }
  /** The version is there already, by somebody else. */
  | { readonly status: "taken"; readonly message: string };

export interface GatewayCatalog {
  /** The table that lives at a canonical location. @throws LakeError unavailable */
  tableAt(location: string): Promise<TableHere | undefined>;
  isFenced(tableId: string): Promise<boolean>;
  /** @param body of `POST /v1/commits`. @throws LakeError: nothing is written, or with `unavailable` nobody knows */
  commitVersion(body: string): Promise<CommitOutcome>;
  /** Versions as they are, or will be, in the log, ascending; fewer than asked for where there are many. @throws LakeError */
  readVersions(tableId: string, from: number, to: number): Promise<readonly PublishedVersion[]>;
}

/** The lines of a version and when it was committed, in milliseconds. */
export interface PublishedVersion {
  readonly version: number;
  readonly timestamp: number;
  readonly bytes: Uint8Array;
}

const VERSIONS_AT_ONCE = 100;

/** @param access gets a key or token for the API, where it asks for one; it may say another later on */
export function catalogBehind(
  send: SendToApi,
  { baseUrl, access }: { readonly baseUrl: string; readonly access?: () => Promise<string | undefined> },
): GatewayCatalog {
  const call = async (path: string, body?: string): Promise<JsonObject> => {
    const credentials = await access?.();
    const headers = {
      "content-type": "application/json",
      ...(credentials === undefined ? {} : { authorization: `Bearer ${credentials}` }),
    };
    const signal = AbortSignal.timeout(deadlineMs("gatewayApi"));
    const init = { headers, signal, ...(body === undefined ? {} : { method: "POST", body }) };
    let response: Response;
    let text: string;
    try {
      response = await send(new Request(`${baseUrl}${path}`, init));
      text = await response.text();
    } catch (error) {
      throw unavailable(`the API does not answer: ${errorText(error)}`, { code: "API_UNAVAILABLE", cause: error });
    }
    const answer = readObject(text, response.status);
    if (response.ok) return { ...answer, status: response.status };
    throw problemError(response.status, answer);
  };
  return {
    async tableAt(location) {
      const { tables } = await call(`/v1/tables?location=${encodeURIComponent(location)}`);
      const [table] = tables as readonly JsonObject[];
      if (table === undefined) return undefined;
      const version = Number(table.version);
      const { unpublishedVersions = 0 } = (table.health ?? {}) as { readonly unpublishedVersions?: number };
      return {
        tableId: String(table.tableId),
        name: String(table.name),
        version,
        published: version - unpublishedVersions,
      };
    },
    async isFenced(tableId) {
      const { protocol } = await call(`/v1/tables/${tableId}`);
      return isFenced(protocol as unknown as Protocol);
    },
    async commitVersion(body) {
      try {
        const { tables, status } = await call("/v1/commits", body);
        const [table] = tables as readonly JsonObject[];
        return { status: "committed", version: Number(table?.version), replayed: status === 200 };
      } catch (error) {
        if (!(error instanceof LakeError) || error.code !== "VERSION_TAKEN") throw error;
        return { status: "taken", message: error.message };
      }
    },
    async readVersions(tableId, from, to) {
      const limit = Math.min(to - from + 1, VERSIONS_AT_ONCE);
      const versions: PublishedVersion[] = [];
      let lines: string[] = [];
      let next = `limit=${limit}${from > 0 ? `&after=${from - 1}` : ""}`;
      // A version that no answer holds comes in parts.
      for (;;) {
        const page = await call(`/v1/tables/${tableId}/commits?${next}`);
        const commits = page.commits as readonly JsonObject[];
        for (const commit of commits) {
          for (const action of commit.actions as readonly JsonObject[]) lines.push(stringifyJson(action), "\n");
          if (commit.complete === false) continue;
          const bytes = new TextEncoder().encode(lines.join(""));
          versions.push({ version: Number(commit.version), timestamp: Number(commit.timestamp), bytes });
          lines = [];
        }
        if (page.next === undefined) return versions.filter(({ version }) => version <= to);
        next = `cursor=${encodeURIComponent(String(page.next))}`;
      }
    },
  };
}

function readObject(text: string, status: number): JsonObject {
  try {
    return parseJson(text) as JsonObject;
  } catch (error) {
    // What stands before the API has answered instead of it.
    throw unavailable(`the API answered ${status} without JSON`, { code: "API_UNAVAILABLE", cause: error });
  }
}

/** The kinds that the client has to do something about; all else may work when it is tried again. */
const OF_CLIENTS = (["invalid", "unauthenticated", "forbidden", "notFound", "conflict"] as const).map(
  (kind) => [HTTP_STATUS[kind], kind] as const,
);
const KINDS: ReadonlyMap<number, ErrorKind> = new Map([...OF_CLIENTS, [429, "unavailable"]]);

/** A problem of the API (RFC 9457) as the error that it was. */
function problemError(status: number, problem: JsonObject): LakeError {
  const message = String(problem.detail ?? `the API answered ${status}`);
  const details = {
    ...(typeof problem.code === "string" ? { code: problem.code } : {}),
    ...(typeof problem.hint === "string" ? { hint: problem.hint } : {}),
  };
  return new LakeError(KINDS.get(status) ?? (status < 500 ? "invalid" : "unavailable"), message, details);
}
