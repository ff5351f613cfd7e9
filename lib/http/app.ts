/** The HTTP API as a Hono app over a lake: the same for `dl serve` and for Lambda. Holds no state of its own. */

import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { nearestName } from "../delta/nearest-name.ts";
import { invalid, notFound } from "../errors.ts";
import type { Lake } from "../ports.ts";
import { COMPONENTS } from "../wire/contracts/actions.ts";
import { ROUTES } from "../wire/routes.ts";
import type { Endpoint, Host, HostOptions } from "./endpoint.ts";
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
export function createApp(lake: Lake, options: HostOptions): OpenAPIHono {
  const host: Host = { ...options, lake };
  const app = new OpenAPIHono();
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
  for (const [name, schema] of Object.entries(COMPONENTS)) app.openAPIRegistry.register(name, schema);
  for (const { access, route, answer } of ENDPOINTS) {
    app.openAPIRegistry.registerPath(route);
    if (options.serves !== undefined && options.serves !== access) continue;
    app.on(route.method, honoPath(route.path), (context) => answer(context, host));
  }
  let document: string | undefined;
  app.get(OPENAPI_PATH, (context) => {
    document ??= JSON.stringify(app.getOpenAPI31Document(openApiHead(options.version)));
    return context.body(document, 200, { "content-type": "application/json" });
  });
  const { metrics } = options;
  if (metrics) {
    app.get("/metrics", async (context) => {
      const { contentType, text } = await metrics();
      return context.body(text, 200, { "content-type": contentType });
    });
  }
  const answerError = (error: unknown) =>
    problemResponse(error, lake.clock.newId, options.onIncident ?? (() => undefined));
  app.notFound((context) => answerError(noRoute(context)));
  app.onError((error) => answerError(error));
  return app;
}

const OPENAPI_PATH = ROUTES.openApi.path;

function openApiHead(version: string) {
  return {
    openapi: "3.1.0" as const,
    info: {
      title: "deltalakedb",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description:
        "Commits to Delta Lake tables through a SQL catalog, many tables at once; `_delta_log` follows as a mirror. " +
        "All times are milliseconds since the epoch. Integers may need 64 bits: parse them without loss.",
    },
    tags: [
      { name: "commits", description: "Write to one or many tables: all of them, or none." },
      { name: "tables", description: "Tables, and how they come into the catalog." },
      { name: "reads", description: "States and histories of tables." },
      { name: "service", description: "The service itself." },
    ],
  };
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

const PATHS = [...new Set(ENDPOINTS.map(({ route }) => route.path)), OPENAPI_PATH];

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
    const methods = ENDPOINTS.filter(({ route }) => route.path === known).map(({ route }) =>
      route.method.toUpperCase(),
    );
    const allow = (methods.length > 0 ? methods : ["GET"]).join(", ");
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
