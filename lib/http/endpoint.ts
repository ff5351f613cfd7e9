/** What a route is: a documented contract, and the one function that answers it. */

import type { Context } from "hono";
import type { AuditTrail } from "../access/audit.ts";
import type { Door } from "../access/door.ts";
import type { Guard } from "../access/guard.ts";
import type { Principal } from "../access/principal.ts";
import type { Rules } from "../access/rules.ts";
import { type Json, stringifyJson } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";
import type { AnswerCache, BackupPlace, Lake, Lending, Noting, Traces, Uploads } from "../ports.ts";
import { checked } from "../validation.ts";
import type { Responses } from "../wire/contracts/responses.ts";
import type { z } from "../wire/contracts/values.ts";
import { type Access, type Need, type OperationId, ROUTES } from "../wire/routes.ts";
import { tableRef } from "../wire/table-ref.ts";
import { checkAcceptable } from "./accept.ts";
import type { AccessLine, Seen } from "./access-log.ts";
import type { Admitted } from "./admission.ts";
import { textOfAttempt } from "./audit.ts";
import { readJsonBody } from "./body.ts";
import type { CallerRules } from "./caller-limits.ts";
import type { HostRules } from "./hosts.ts";
import type { OnIncident } from "./problem.ts";
import type { HealthCheck, ServicePart } from "./service-health.ts";
import type { TurnRules } from "./turns.ts";

/** What the server is, besides its lake. */
export interface HostOptions {
  readonly version: string;
  /** The location for a table, from what a request says; `file:///…` or `s3://…`. @throws LakeError invalid */
  readonly resolveLocation: (location: string | undefined, tableName: string) => Promise<string>;
  readonly bodyLimitBytes?: number;
  /** For requests that what is in front of the server would not let through. */
  readonly uploads?: Uploads;
  /** Where `POST /v1/backups` puts them; absent where others make backups. @throws LakeError invalid */
  readonly backups?: (() => Promise<BackupPlace>) | undefined;
  /** Lends access to data files in buckets; absent: the engines need their own. */
  readonly lending?: Lending;
  /** Answers only what reads, or only what writes; both if absent. A function that only reads needs no right to write. */
  readonly serves?: Access;
  /** Finds out who makes a request, and turns away who does not say; absent, nobody is asked. */
  readonly door?: Door | undefined;
  /** What the catalog says of grants, where several apps share it; the app's own if absent. */
  readonly rules?: Rules;
  /** Where it is written down who has tried what. */
  readonly audit?: AuditTrail | undefined;
  /** Names of the server and origins of pages that may use it; absent where what is in front of the server checks them. */
  readonly hosts?: HostRules;
  /** Where each request is told as a span, a child of the `traceparent` that it brings. */
  readonly traces?: Traces | undefined;
  /** Called once a request, when its answer is out. */
  readonly onAnswer?: ((line: AccessLine) => void) | undefined;
  /** False where an answer has to be whole before it is sent: then nothing is streamed, and lines come in pages. True if absent. */
  readonly streams?: boolean;
  /** Serves `GET /metrics` in Prometheus' text format. */
  readonly metrics?: {
    readonly access: Need;
    readonly render: () => Promise<{ readonly contentType: string; readonly text: string }>;
  };
  readonly onIncident?: OnIncident;
  /** Told of columns by which scans of a table have no index, though one might help. */
  readonly onUnindexed?: (tableId: string, columnId: string) => void;
  /** What `GET /v1/health` asks beside the database. */
  readonly parts?: readonly ServicePart[];
  /** That question itself, where somebody else asks it, too. */
  readonly health?: HealthCheck;
  /** True once the server has been told to end: what asks for its health sends no more requests then. */
  readonly isStopping?: () => boolean;
  /** Keeps answers that are bound to a version; absent: each is made anew. */
  readonly cache?: AnswerCache | undefined;
  /** How many requests are worked on at once; without bound if absent. */
  readonly turns?: TurnRules;
  /** What one caller may send; without bound if absent. */
  readonly callers?: CallerRules | undefined;
  /** Items of a page, where a request does not say; {@link PAGE_DEFAULT} if absent. */
  readonly pageSize?: number;
}

export interface Host extends HostOptions {
  readonly lake: Lake;
  readonly health: HealthCheck;
  readonly pageSize: number;
  readonly rules: Rules;
}

export interface Answering<P, Q> {
  readonly params: P;
  /** The same as the request has them: a name of a table may have become its id in `params`. */
  readonly asked: P;
  readonly query: Q;
  /** The parsed body. @throws LakeError invalid */
  readonly body: () => Promise<Json>;
  readonly headers: Headers;
  /** Who asks; undefined where nobody is asked who they are. */
  readonly principal: Principal | undefined;
  /** Asks whether the caller may; for the table in the path that has been done. */
  readonly guard: Guard;
  /** True where everyone is let in, or the caller has proven who they are: false on routes that are open to strangers. */
  readonly isKnown: boolean;
  /** Says which tables a body names, for the access log. */
  readonly concerns: (tables: readonly string[]) => void;
  /** Says what the request has changed, for the audit trail: ids, versions and names, nothing else. */
  readonly changed: (effect: Json) => void;
  /** What a commit takes along for the audit trail; absent where there is none. */
  readonly attempt: (() => string) | undefined;
  /** Says that a transaction has been made, which took {@link attempt} along: it has written the row itself. */
  readonly noted: () => void;
  /** The same for a change that is no commit. @param status of the answer, where something is changed */
  readonly noting: (status: number) => Noting | undefined;
  /** Breaks the connection, so that half an answer cannot pass for a whole one; false where there is none (Lambda). */
  readonly cutOff: () => boolean;
}

type Shape = z.ZodObject;

/** What a route takes and answers. Method, path and access are in lib/wire/routes.ts. */
export interface Contract<P extends Shape = Shape, Q extends Shape = Shape> {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  /** True where clients of others send parameters that mean nothing here: they are passed over. */
  readonly passesOver?: boolean;
  readonly body?: {
    readonly schema: z.ZodType;
    readonly examples: Record<string, { summary?: string; value: unknown }>;
  };
  readonly responses: Responses;
}

export interface Endpoint {
  readonly operationId: OperationId;
  readonly contract: Contract;
  readonly answer: (context: AppContext, host: Host, admitted: Admitted) => Promise<Response>;
}

/** What the app keeps of a request while it is answered. */
export type AppContext = Context<{ Variables: { seen: Seen } }>;

/** 64 MiB: about 100,000 file actions. */
const DEFAULT_BODY_LIMIT = 64 * 1024 * 1024;

/** Bytes of the largest request body, however it comes. */
export function bodyLimit({ bodyLimitBytes = DEFAULT_BODY_LIMIT }: HostOptions): number {
  return bodyLimitBytes;
}

/** Ties a contract to its answer: parameters are checked before, unknown ones refused. */
export function endpoint<P extends Shape, Q extends Shape>(
  operationId: OperationId,
  contract: Contract<P, Q>,
  answer: (request: Answering<z.output<P>, z.output<Q>>, host: Host) => Promise<Response>,
): Endpoint {
  const { params, query, passesOver = false } = contract;
  const types = Object.entries(contract.responses).flatMap(([status, { content = {} }]) =>
    status.startsWith("2") ? Object.keys(content) : [],
  );
  return {
    operationId,
    contract,
    answer: async (context, host, { principal, isKnown, guard }) => {
      checkAcceptable(context.req.raw.headers, types);
      const given = (params ? checked(params, context.req.param()) : {}) as z.output<P>;
      const noted = () => {
        context.get("seen").isNoted = true;
      };
      const judged = guard.isEnforced ? await judgedParams(operationId, given, guard) : given;
      return answer(
        {
          params: judged,
          asked: given,
          query: readQuery(context, query, passesOver) as z.output<Q>,
          body: () => readJsonBody(context.req.raw, bodyLimit(host)),
          headers: context.req.raw.headers,
          principal,
          guard,
          isKnown,
          concerns: (tables) => {
            context.get("seen").tables = tables;
          },
          changed: (effect) => {
            context.get("seen").effect = stringifyJson(effect);
          },
          attempt: host.audit && (() => textOfAttempt(context, context.get("seen"), operationId, 201)),
          noted,
          noting: (status) =>
            host.audit && {
              attempt: () => textOfAttempt(context, context.get("seen"), operationId, status),
              written: noted,
            },
          cutOff: () => cutOff(context),
        },
        host,
      );
    },
  };
}

/** The table in the path is from here on the one that has been judged, whoever has its name meanwhile. */
async function judgedParams<P>(operationId: OperationId, params: P, guard: Guard): Promise<P> {
  const { asks } = ROUTES[operationId];
  const { tableId } = params as { readonly tableId?: string };
  if (tableId === undefined || (asks.on !== "table" && asks.on !== "dropped")) return params;
  const ref = tableRef(tableId);
  const [judged] =
    asks.on === "table"
      ? await guard.tables([ref], [asks.privilege])
      : [await guard.tableOrDropped(ref, asks.privilege)];
  return { ...params, ...judged };
}

/** The Node adapter hands over its response object; by itself it would end a broken stream with a line of its own. */
function cutOff(context: Context): boolean {
  const { outgoing } = (context.env ?? {}) as { readonly outgoing?: { destroy(): void } };
  outgoing?.destroy();
  return outgoing !== undefined;
}

function readQuery(context: Context, schema: Shape | undefined, passesOver: boolean): unknown {
  const known = Object.keys(schema?.shape ?? {});
  const given = Object.entries(context.req.queries()).filter(([name]) => !passesOver || known.includes(name));
  for (const [name, values] of given) {
    if (values.length > 1) throw invalid(`the query parameter "${name}" is given ${values.length} times`);
    if (!known.includes(name)) {
      throw invalid(`unknown query parameter "${name}"`, {
        hint: known.length === 0 ? "This route takes none." : `Known here: ${known.join(", ")}.`,
      });
    }
  }
  return schema ? checked(schema, Object.fromEntries(given.map(([name, [value]]) => [name, value]))) : {};
}

/** A JSON answer; 64-bit numbers keep their digits. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  return jsonText(status, stringifyJson(value), headers);
}

/** A JSON answer that has been written already. */
export function jsonText(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, { status, headers: { "content-type": "application/json", ...headers } });
}
