/** One line a request. Neither bodies nor queries nor headers are in it, as they may hold secrets. */

import type { Context } from "hono";
import type { Guard } from "../access/guard.ts";
import type { Principal } from "../access/principal.ts";

export interface AccessLine {
  /** Also in the answer: `x-request-id`. */
  readonly requestId: string;
  /** Who asked, where they have proven it, and with which of their keys or sessions. */
  readonly principal?: string;
  readonly session?: string;
  /** The address that the connection came from. */
  readonly client?: string;
  readonly method: string;
  /** As documented, with placeholders; `none` for a path that is no route. */
  readonly route: string;
  /** As the request names them. */
  readonly tables?: readonly string[];
  readonly status: number;
  readonly milliseconds: number;
  /** The connection ended before the answer did. */
  readonly cut?: true;
}

/** What is gathered while a request is answered. */
export interface Seen {
  readonly requestId: string;
  readonly startedAt: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  principal?: Principal;
  tables?: readonly string[];
  /** What it has changed, as JSON. */
  effect?: string;
  /** True where the transaction of the effect has added the row of the audit trail itself. */
  isNoted?: boolean;
  /** The operation, once it is known that the request is one. */
  operation?: string;
  guard?: Guard;
}

const MAX_TABLES = 10;
/** A name of a table or its id; anything else may be a secret in the wrong place. */
const TABLE = /^(?!dlk_)[\w-]{1,128}(?:\.[\w-]{1,128})*$/;

export function accessLine(context: Context, seen: Seen, route: string, cut: boolean): AccessLine {
  const { requestId, startedAt, principal, tables = [context.req.param("tableId")] } = seen;
  const named = namedTables(tables);
  const { incoming } = connectionOf(context);
  const client = incoming?.socket?.remoteAddress;
  return {
    requestId,
    ...(principal === undefined ? {} : { principal: principal.id }),
    ...(principal?.session === undefined ? {} : { session: principal.session }),
    ...(client === undefined ? {} : { client }),
    method: context.req.method,
    route,
    ...(named.length === 0 ? {} : { tables: named }),
    status: context.res.status,
    milliseconds: Math.round((performance.now() - startedAt) * 10) / 10,
    ...(cut ? { cut: true } : {}),
  };
}

/** Those that can be names or ids of tables. */
export function namedTables(tables: readonly (string | undefined)[]): readonly string[] {
  return tables.filter((name) => name !== undefined && TABLE.test(name)).slice(0, MAX_TABLES) as string[];
}

interface Connection {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
  readonly outgoing?: { readonly writableFinished: boolean; once(event: "close", listener: () => void): void };
}

function connectionOf(context: Context): Connection {
  return (context.env ?? {}) as Connection;
}

/** Calls back once the answer is out, or the connection is gone; at once where there is none (Lambda). */
export function whenSent(context: Context, call: (cut: boolean) => void): void {
  const { outgoing } = connectionOf(context);
  if (outgoing === undefined) call(false);
  else outgoing.once("close", () => call(!outgoing.writableFinished));
}

/** An id that the client has chosen is kept when it is one: letters, digits and a few signs. */
export function requestIdOf(headers: Headers, newId: () => string): string {
  const given = headers.get("x-request-id");
  return given !== null && /^[\w.:=+/-]{1,128}$/.test(given) ? given : newId();
}
