/** What the audit trail is told of a request. Neither bodies nor queries nor headers are in it, as they may hold secrets. */

import type { Context } from "hono";
import type { AuditTrail } from "../access/audit.ts";
import { attemptText } from "../access/audit-row.ts";
import { answeredBy, ROUTES } from "../wire/routes.ts";
import { namedTables, type Seen } from "./access-log.ts";
import { addressOf } from "./admission.ts";

/** All that is written down whatever came of it: what writes, and what lends access to data. */
const WRITES: ReadonlySet<string> = new Set(
  Object.entries(ROUTES).flatMap(([operation, route]) => (answeredBy(route) === "write" ? [operation] : [])),
);
const REFUSED: ReadonlySet<number> = new Set([401, 403, 429]);

/** Everything that writes or lends, whatever came of it, and everything that was refused; but for what is in the trail already. */
export function noteAttempt(audit: AuditTrail, context: Context, seen: Seen): void {
  const { operation, guard } = seen;
  if (operation === undefined) return;
  const { status } = context.res;
  // To the caller it may look as if there were nothing.
  const isDenied = REFUSED.has(status) || (status === 404 && guard?.because().isRefused === true);
  if (!isDenied && !WRITES.has(operation)) return;
  if (status < 400 && seen.isNoted) return;
  audit.note({
    ...attemptOf(context, seen, operation),
    decision: isDenied ? "denied" : status < 400 ? "allowed" : "failed",
    outcome: String(status),
    effect: status < 400 ? (seen.effect ?? "") : "",
  });
}

/** The same of an attempt that comes to a transaction, for the transaction itself to write: it is not written where nothing is changed. */
export function textOfAttempt(context: Context, seen: Seen, operation: string, status: number): string {
  return attemptText({ ...attemptOf(context, seen, operation), decision: "allowed", outcome: String(status) });
}

function attemptOf(context: Context, seen: Seen, operation: string) {
  const { at, principal, guard, requestId, tables = [context.req.param("tableId")] } = seen;
  return {
    at,
    requestId,
    who: principal?.id ?? "",
    session: principal?.session ?? "",
    client: addressOf(context) ?? "",
    operation,
    tables: JSON.stringify(namedTables(tables)),
    because: (guard?.because().names ?? []).join("; "),
  };
}
