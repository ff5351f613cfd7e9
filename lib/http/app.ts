/** The HTTP API as a Hono app over a lake: the same for `dl serve` and for Lambda. Holds no state of its own. */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { openRules } from "../access/rules.ts";
import { ageMs } from "../delta/values/age.ts";
import { nearestName } from "../delta/values/nearest-name.ts";
import { invalid, notFound } from "../errors.ts";
import type { Facts, Lake, Traces } from "../ports.ts";
import { PAGE_DEFAULT } from "../wire/contracts/values.ts";
import { answeredBy, METRICS_ROUTE, ROUTES, type Route, UNITY_BASE } from "../wire/routes.ts";
import { accessLine, requestIdOf, type Seen, whenSent } from "./access-log.ts";
import { type Admitted, addressOf, admit } from "./admission.ts";
import { noteAttempt } from "./audit.ts";
import { type CallerLimits, openCallerLimits } from "./caller-limits.ts";
import type { AppContext, Endpoint, Host, HostOptions } from "./endpoint.ts";
import { checkPlace, corsHeaders, preflight } from "./hosts.ts";
import { openApiDocument } from "./openapi.ts";
import { problemResponse } from "./problem.ts";
import { commitRoutes } from "./routes/commits.ts";
import { fileRoutes } from "./routes/files.ts";
import { grantRoutes } from "./routes/grants.ts";
import { healthRoutes } from "./routes/health.ts";
import { historyRoutes } from "./routes/history.ts";
import { lendingRoutes } from "./routes/lending.ts";
import { operatorRoutes } from "./routes/operator.ts";
import { snapshotRoutes } from "./routes/snapshots.ts";
import { stateListRoutes } from "./routes/state-lists.ts";
import { tableRoutes } from "./routes/tables.ts";
import { transactionRoutes } from "./routes/transactions.ts";
import { unityRoutes } from "./routes/unity.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { type HealthCheck, openServiceHealth, type ServicePart } from "./service-health.ts";
import { tableParts } from "./table-part.ts";
import { openTurns } from "./turns.ts";
import { unityMembers } from "./unity-problem.ts";

const ENDPOINTS: readonly Endpoint[] = [
  ...commitRoutes,
  ...uploadRoutes,
  ...tableRoutes,
  ...lendingRoutes,
  ...fileRoutes,
  ...stateListRoutes,
  ...historyRoutes,
  ...snapshotRoutes,
  ...transactionRoutes,
  ...operatorRoutes,
  ...grantRoutes,
  ...unityRoutes,
  ...healthRoutes,
];

/** The app; call its `fetch`, or `request` in tests. */
export function createApp(lake: Lake, options: HostOptions): App {
  const { door, hosts, metrics, serves } = options;
  const host: Host = {
    ...options,
    lake,
    health: options.health ?? healthOf(lake, options.parts),
    pageSize: options.pageSize ?? PAGE_DEFAULT,
    rules: options.rules ?? openRules(lake.catalog),
  };
  const inLimits = options.callers && openCallerLimits(options.callers, lake.clock.now);
  const inTurn = options.turns && openTurns(options.turns);
  const app: App = new Hono();
  app.use(observed(host));
  if (hosts) {
    app.use(async (context, next) => {
      checkPlace(hosts, context.req.raw);
      return preflight(context.req.raw, methodsOf(context.req.path)) ?? next();
    });
  }
  const answerError = (error: unknown, context: AppContext) =>
    problemResponse(error, () => context.get("seen").requestId, {
      onIncident: options.onIncident ?? (() => undefined),
      ...(context.req.path.startsWith(UNITY_BASE) ? { also: unityMembers } : {}),
    });
  /** The one way to a route: whoever has no right to it gets no further. */
  const serve = (route: Served, answer: (context: AppContext, admitted: Admitted) => Promise<Response>) => {
    app.on(route.method, honoPath(route.path), async (context) => {
      // A name in a path must not pass for a placeholder: /v1/tables/import is no table.
      if (routeOf(context.req.path) !== route.path) return answerError(noRoute(context), context);
      context.get("seen").operation = route.operation;
      const admitted = await admit({ lake, door, rules: host.rules }, route, context, context.get("seen"));
      const { guard } = admitted;
      // Who watches the service is let in, as no caller is asked for there.
      if (inLimits !== undefined && route.access !== "open") count(inLimits, context, admitted);
      let answered: Response;
      try {
        answered = await answer(context, admitted);
      } catch (error) {
        throw await guard.told(error);
      }
      if (route.asks.on !== "nothing" && !guard.wasAsked()) throw new Error(`${route.path} has asked for no privilege`);
      return answered;
    });
  };
  /** Where nobody is asked who they are, by the address. */
  const count = (limits: CallerLimits, context: AppContext, { principal }: Admitted) => {
    try {
      limits(principal?.id ?? addressOf(context) ?? "");
    } catch (error) {
      lake.metrics.record("RequestsLimited", 1, "Count");
      throw error;
    }
  };
  for (const { operationId, answer } of ENDPOINTS) {
    const route = ROUTES[operationId];
    if (serves !== undefined && serves !== answeredBy(route)) continue;
    // Whether the service lives is told at once, however much it has to do.
    const waits = inTurn !== undefined && route.access !== "open";
    serve({ ...route, operation: operationId }, (context, admitted) => {
      const work = () => answer(context, host, admitted);
      return waits ? inTurn(work) : work();
    });
  }
  let document: string | undefined;
  serve({ ...ROUTES.openApi, operation: "openApi" }, async (context) => {
    document ??= openApiDocument(ENDPOINTS, options.version);
    return context.body(document, 200, { "content-type": "application/json" });
  });
  if (metrics) {
    const asks = metrics.access === "open" ? ROUTES.health.asks : METRICS_ROUTE.asks;
    serve({ ...METRICS_ROUTE, access: metrics.access, asks, operation: "metrics" }, async (context) => {
      const { contentType, text } = await metrics.render();
      return context.body(text, 200, { "content-type": contentType });
    });
  }
  app.notFound((context) => answerError(noRoute(context), context));
  app.onError((error, context) => answerError(error, context));
  return app;
}

/** What the service is asked about itself. */
export function healthOf(lake: Lake, parts: readonly ServicePart[] = []): HealthCheck {
  const database: ServicePart = { name: "database", isEssential: true, check: () => lake.catalog.ping() };
  return openServiceHealth([database, ...tableParts(lake), ...parts]);
}

export type App = Hono<{ Variables: { seen: Seen } }>;

type Served = Pick<Route, "method" | "access" | "asks"> & { readonly path: string; readonly operation: string };

/** Gives each request its id, and tells of it: in the answer, in metrics, in the access log. */
function observed({ lake, hosts, onAnswer, audit, traces }: Host): MiddlewareHandler<{ Variables: { seen: Seen } }> {
  return async (context, next) => {
    const startedAt = lake.clock.now();
    const seen: Seen = {
      requestId: requestIdOf(context.req.raw.headers, lake.clock.newId),
      startedAt: performance.now(),
      at: startedAt,
    };
    context.set("seen", seen);
    await (traces === undefined ? next() : inSpan(traces, context, seen, next));
    const { headers, status } = context.res;
    headers.set("x-request-id", seen.requestId);
    // Some browsers take an answer for a page, whatever its type says.
    headers.set("x-content-type-options", "nosniff");
    for (const [name, value] of Object.entries(hosts ? corsHeaders(hosts, context.req.raw) : {}))
      headers.set(name, value);
    const route = routeOf(context.req.path) ?? "none";
    if (status >= 500) lake.metrics.record("ServerErrors", 1, "Count", { status });
    lake.metrics.record("RequestDuration", ageMs(lake.clock.now(), startedAt), "Milliseconds", {
      method: context.req.method,
      route,
      status,
    });
    if (audit) noteAttempt(audit, context, seen);
    if (onAnswer) whenSent(context, (cut) => onAnswer(accessLine(context, seen, route, cut)));
  };
}

/** Its name has no id in it, as names are counted by. */
function inSpan(traces: Traces, context: AppContext, seen: Seen, next: () => Promise<void>): Promise<void> {
  const { method, path, raw } = context.req;
  const route = routeOf(path) ?? "none";
  const answer = async (note: (facts: Facts) => void) => {
    await next();
    note({ "http.response.status_code": context.res.status });
  };
  return traces.span(`${method} ${route}`, answer, {
    kind: "server",
    parent: raw.headers.get("traceparent") ?? undefined,
    facts: { "http.request.method": method, "http.route": route, "deltalakedb.request_id": seen.requestId },
  });
}

const OPENAPI_PATH = ROUTES.openApi.path;

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Those with the fewest placeholders first. */
const PATHS = [...new Set(Object.values(ROUTES).map(({ path }) => path))].sort(
  (a, b) => a.split("{").length - b.split("{").length,
);
/** Made once: each request is held against them more than once. */
const PATTERNS = PATHS.map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`) }));

/** The documented paths that a request path fits, the one with the fewest placeholders first. */
function routesOf(path: string): string[] {
  return PATTERNS.filter(({ pattern }) => pattern.test(path)).map((known) => known.path);
}

function routeOf(path: string): string | undefined {
  return path === METRICS_ROUTE.path ? path : PATTERNS.find(({ pattern }) => pattern.test(path))?.path;
}

/** In capitals, of the route that a path fits. */
function methodsOf(requestPath: string): readonly string[] {
  const known = routeOf(requestPath);
  return [METRICS_ROUTE, ...Object.values(ROUTES)]
    .filter(({ path }) => path === known)
    .map(({ method }) => method.toUpperCase());
}

function noRoute(context: Context): Error {
  const { method, path } = context.req;
  const [known] = routesOf(path);
  if (known !== undefined) {
    const allow = methodsOf(path).join(", ");
    return invalid(`${known} does not take ${method}`, {
      code: "METHOD_NOT_ALLOWED",
      hint: `It takes ${allow}.`,
      facts: { allow },
    });
  }
  const close = nearestName(path, PATHS);
  return notFound(`there is no ${path}`, {
    code: "ROUTE_NOT_FOUND",
    hint: close ? `Did you mean ${close}?` : `${OPENAPI_PATH} lists all routes.`,
  });
}
