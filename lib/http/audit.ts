/** What the audit trail is told of a request. Neither bodies nor queries nor headers are in it, as they may hold secrets. */

import type { Context } from "hono";
import type { AuditTrail } from "../access/audit.ts";
import { answeredBy, ROUTES } from "../wire/routes.ts";
import { namedTables, type Seen } from "./access-log.ts";
import { addressOf } from "./admission.ts";

/** All that is written down whatever came of it: what writes, and what lends access to data. */
const WRITES: ReadonlySet<string> = new Set(
  Object.entries(ROUTES).flatMap(([operation, route]) => (answeredBy(route) === "write" ? [operation] : [])),
);
const REFUSED: ReadonlySet<number> = new Set([401, 403]);

/** Everything that writes or lends, whatever came of it, and everything that was refused. @param at milliseconds since the epoch */
export function noteAttempt(audit: AuditTrail, context: Context, seen: Seen, at: number): void {
  const { operation, principal, guard, requestId, tables = [context.req.param("tableId")] } = seen;
  if (operation === undefined) return;
  const { status } = context.res;
  const { isRefused = false, names = [] } = guard?.because() ?? {};
  // To the caller it may look as if there were nothing.
  const isDenied = REFUSED.has(status) || (status === 404 && isRefused);
  if (!isDenied && !WRITES.has(operation)) return;
  audit.note({
    at,
    requestId,
    who: principal?.id ?? "",
    session: principal?.session ?? "",
    client: addressOf(context) ?? "",
    operation,
    tables: JSON.stringify(namedTables(tables)),
    decision: isDenied ? "denied" : status < 400 ? "allowed" : "failed",
    outcome: String(status),
    because: names.join("; "),
    effect: status < 400 ? (seen.effect ?? "") : "",
  });
}
