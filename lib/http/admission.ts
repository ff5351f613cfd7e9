/** Who may use a route: what it needs, held against who makes the request. */

import type { Context } from "hono";
import type { Door } from "../access/door.ts";
import { mayDo, type Principal } from "../access/principal.ts";
import { mayNot, noCredentials } from "../access/refusals.ts";
import type { Need } from "../wire/routes.ts";

/** Milliseconds that an open route waits to know who asks: whoever watches the server must get an answer. */
const OPEN_WAIT_MS = 500;

export interface Admitted {
  readonly principal?: Principal;
  /** True where everyone is let in, or the caller has proven who they are. */
  readonly isKnown: boolean;
}

/** @throws LakeError unauthenticated, forbidden; unavailable where it cannot be found out */
export async function admit(door: Door | undefined, need: Need, context: Context): Promise<Admitted> {
  if (door === undefined) return { isKnown: true };
  const { event } = (context.env ?? {}) as { readonly event?: unknown };
  const asked = door.identify({ authorization: context.req.header("authorization"), event });
  const principal = need === "open" ? await withinTime(asked) : await asked;
  if (principal === undefined) {
    if (need === "open") return { isKnown: door.unnamed === "welcome" };
    if (door.unnamed === "refused") throw noCredentials();
    return { isKnown: true };
  }
  if (need !== "open" && !mayDo(principal, need)) throw mayNot(principal, need);
  return { principal, isKnown: true };
}

/** An open route is open for wrong credentials, too, and for right ones that nobody can check now. */
async function withinTime(asked: Promise<Principal | undefined>): Promise<Principal | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), OPEN_WAIT_MS);
  });
  return Promise.race([asked.catch(() => undefined), late]).finally(() => clearTimeout(timer));
}
