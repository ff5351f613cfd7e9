/** The HTTP API as a Hono app over a lake: the same for `dl serve` and for Lambda. Holds no state of its own. */

import { type Context, Hono } from "hono";
import { nearestName } from "../delta/nearest-name.ts";
import { invalid, notFound } from "../errors.ts";
import type { Lake } from "../ports.ts";
import { ROUTES } from "../wire/routes.ts";
import type { Endpoint, Host, HostOptions } from "./endpoint.ts";
import { openApiDocument } from "./openapi.ts";
import { problemResponse } from "./problem.ts";
import { commitRoutes } from "./routes/commits.ts";
import { fileRoutes } from "./routes/files.ts";
import { healthRoutes } from "./routes/health.ts";
import { historyRoutes } from "./routes/history.ts";
import { snapshotRoutes } from "./routes/snapshots.ts";
import { tableRoutes } from "./routes/tables.ts";
import { transactionRoutes } from "./routes/transactions.ts";
import { uploadRoutes } from "./routes/uploads.ts";

const ENDPOINTS: readonly Endpoint[] = [
  ...commitRoutes,
  ...uploadRoutes,
  ...tableRoutes,
  ...fileRoutes,
  ...historyRoutes,
  ...snapshotRoutes,
  ...transactionRoutes,
  ...healthRoutes,
];

/** The app; call its `fetch`, or `request` in tests. */
export function createApp(lake: Lake, options: HostOptions): Hono {
  const host: Host = { ...options, lake };
  const app = new Hono();
  app.use(async (context, next) => {
    const startedAt = lake.clock.now();
    await next();
    const { status } = context.res;
    if (status >= 500) lake.metrics.record("ServerErrors", 1, "Count", { status });
    lake.metrics.record("RequestDuration", lake.clock.now() - startedAt, "Milliseconds", {
      method: context.req.method,
      route: routeOf(context.req.path) ?? "none",
      status,
    });
  });
  const answerError = (error: unknown) =>
    problemResponse(error, lake.clock.newId, options.onIncident ?? (() => undefined));
  for (const { operationId, answer } of ENDPOINTS) {
    const { access, method, path } = ROUTES[operationId];
    if (options.serves !== undefined && options.serves !== access) continue;
    // A name in a path must not pass for a placeholder: /v1/tables/import is no table.
    app.on(method, honoPath(path), (context) =>
      routeOf(context.req.path) === path ? answer(context, host) : answerError(noRoute(context)),
    );
  }
  let document: string | undefined;
  app.get(OPENAPI_PATH, (context) => {
    document ??= openApiDocument(ENDPOINTS, options.version);
    return context.body(document, 200, { "content-type": "application/json" });
  });
  const { metrics } = options;
  if (metrics) {
    app.get("/metrics", async (context) => {
      const { contentType, text } = await metrics();
      return context.body(text, 200, { "content-type": contentType });
    });
  }
  app.notFound((context) => answerError(noRoute(context)));
  app.onError((error) => answerError(error));
  return app;
}

const OPENAPI_PATH = ROUTES.openApi.path;

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

const PATHS = [...new Set(Object.values(ROUTES).map(({ path }) => path))];

/** The documented paths that a request path fits, the one with the fewest placeholders first. */
function routesOf(path: string): string[] {
  return PATHS.filter((known) => new RegExp(`^${known.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path)).sort(
    (a, b) => a.split("{").length - b.split("{").length,
  );
}

function routeOf(path: string): string | undefined {
  return path === "/metrics" ? path : routesOf(path)[0];
}

function noRoute(context: Context): Error {
  const { method, path } = context.req;
  const [known] = routesOf(path);
  if (known !== undefined) {
    const methods = Object.values(ROUTES)
      .filter(({ path }) => path === known)
      .map(({ method }) => method.toUpperCase());
    const allow = methods.join(", ");
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
