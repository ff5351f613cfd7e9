/** Who may use a route: what it needs, held against who makes the request. */

import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Context } from "hono";
import type { ClientCertificate } from "../access/certificates.ts";
import type { Door } from "../access/door.ts";
import { type Guard, guardBy, guardOf } from "../access/guard.ts";
import type { PolicyEngine } from "../access/policies/engine.ts";
import { mayDo, type Principal } from "../access/principal.ts";
import { mayNot, nobodyAsked, noCredentials } from "../access/refusals.ts";
import type { Rules } from "../access/rules.ts";
import { missingTable } from "../operations/tables/missing-table.ts";
import type { Lake } from "../ports.ts";
import type { Asks, Need } from "../wire/routes.ts";
import type { Seen } from "./access-log.ts";

/** Milliseconds that an open route waits to know who asks: whoever watches the server must get an answer. */
const OPEN_WAIT_MS = 500;

export interface Admitted {
  readonly principal?: Principal;
  /** True where everyone is let in, or the caller has proven who they are, and may know how the service is. */
  readonly isKnown: boolean;
  readonly guard: Guard;
}

export interface Gate {
  readonly lake: Lake;
  readonly door: Door | undefined;
  readonly rules: Rules;
}

/**
 * @param seen is told who it is and what decides as soon as that is known: whoever is refused here has a name in the trail, too
 * @throws LakeError unauthenticated, forbidden; unavailable where it cannot be found out
 */
export async function admit(
  gate: Gate,
  { access, asks }: { readonly access: Need; readonly asks: Asks },
  context: Context,
  seen: Pick<Seen, "principal" | "guard">,
): Promise<Admitted> {
  const { door, rules } = gate;
  const { event } = (context.env ?? {}) as { readonly event?: unknown };
  const authorization = context.req.header("authorization");
  const identified = door?.identify({ authorization, event, certificate: certificateOf(context) });
  if (access === "open") return admitToOpen(gate, identified, context);
  const principal = await identified;
  if (principal) seen.principal = principal;
  if (principal === undefined && door?.unnamed === "refused") throw noCredentials();
  if (principal !== undefined && !mayDo(principal, access)) throw mayNot(principal, access);
  const guard = await guardOf(guarded(gate, principal, context));
  seen.guard = guard;
  if (guard.isEnforced && principal === undefined) throw door === undefined ? nobodyAsked() : noCredentials();
  if (asks.on === "catalog") await guard.catalog(asks.privilege);
  return { ...(principal && { principal }), isKnown: true, guard };

  // Whoever is silent about the rules for too long is not waited for: an open route tells what it would tell a stranger.
  async function admitToOpen(
    of: Gate,
    asked: Promise<Principal | undefined> | undefined,
    from: Context,
  ): Promise<Admitted> {
    const [known, engine] = await Promise.all([
      asked === undefined ? undefined : withinTime(asked, undefined),
      withinTime<PolicyEngine | undefined>(rules.engine(), rules.lastKnown()),
    ]);
    const guarding = guardBy(engine, guarded(of, known, from));
    if (known) seen.principal = known;
    seen.guard = guarding;
    const isLetIn = known !== undefined || door === undefined || door.unnamed === "welcome";
    const isKnown = guarding.isEnforced ? known !== undefined && (await mayWatch(guarding)) : isLetIn;
    return { ...(known && { principal: known }), isKnown, guard: guarding };
  }
}

async function mayWatch(guard: Guard): Promise<boolean> {
  return guard.may("MONITOR", { kind: "catalog" }).catch(() => false);
}

function guarded({ lake, rules }: Gate, principal: Principal | undefined, context: Context) {
  return {
    catalog: lake.catalog,
    rules,
    principal,
    now: lake.clock.now,
    ip: addressOf(context),
    missing: (ref: Parameters<typeof missingTable>[1]) => missingTable(lake, ref),
  };
}

/** The address that the connection came from; behind a proxy of one's own that of the proxy. */
export function addressOf(context: Context): string | undefined {
  const { incoming, event } = (context.env ?? {}) as {
    readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
    readonly event?: { readonly requestContext?: { readonly http?: { readonly sourceIp?: string } } };
  };
  const address = incoming?.socket?.remoteAddress ?? event?.requestContext?.http?.sourceIp;
  const bare = address?.replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
  return bare !== undefined && isIP(bare) !== 0 ? bare : undefined;
}

/** Of the connection, if it has one that the server's authority has signed. */
function certificateOf(context: Context): ClientCertificate | undefined {
  const { incoming } = (context.env ?? {}) as { readonly incoming?: { readonly socket?: Partial<TLSSocket> } };
  const { socket } = incoming ?? {};
  // A connection without TLS has neither.
  return socket?.authorized === true ? socket.getPeerCertificate?.() : undefined;
}

/** An open route is open for wrong credentials, too, and for right ones that nobody can check now. */
async function withinTime<T>(asked: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), OPEN_WAIT_MS);
  });
  return Promise.race([asked.catch(() => otherwise), late]).finally(() => clearTimeout(timer));
}
