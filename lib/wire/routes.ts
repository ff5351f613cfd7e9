/** The routes of the API: method, path, and the access they need. The one list: the server, the door and the deployment follow it. */

import type { Access } from "../access/principal.ts";

export type { Access } from "../access/principal.ts";

/**
 * What a caller must be allowed: `POST /v1/snapshots` reads though its question comes in a body. `open` asks nobody who they
 * are: whether the service lives, to anyone, and more only to those who are known; and the document, which is no secret.
 */
export type Need = Access | "open";

export interface Route {
  readonly method: "get" | "post" | "patch" | "delete";
  readonly path: `/v1/${string}`;
  readonly access: Need;
}

/** By operation id. */
export const ROUTES = {
  commit: { method: "post", path: "/v1/commits", access: "write" },
  append: { method: "post", path: "/v1/tables/{tableId}/appends", access: "write" },
  createUpload: { method: "post", path: "/v1/uploads", access: "write" },
  createTable: { method: "post", path: "/v1/tables", access: "write" },
  importTable: { method: "post", path: "/v1/tables/import", access: "write" },
  listTables: { method: "get", path: "/v1/tables", access: "read" },
  describeTable: { method: "get", path: "/v1/tables/{tableId}", access: "read" },
  dropTable: { method: "delete", path: "/v1/tables/{tableId}", access: "write" },
  renameTable: { method: "patch", path: "/v1/tables/{tableId}", access: "write" },
  undropTable: { method: "post", path: "/v1/tables/{tableId}/undrop", access: "write" },
  listFiles: { method: "get", path: "/v1/tables/{tableId}/files", access: "read" },
  planScan: { method: "post", path: "/v1/tables/{tableId}/plan", access: "read" },
  listTxns: { method: "get", path: "/v1/tables/{tableId}/txns", access: "read" },
  listDomains: { method: "get", path: "/v1/tables/{tableId}/domains", access: "read" },
  listCommits: { method: "get", path: "/v1/tables/{tableId}/commits", access: "read" },
  listHistory: { method: "get", path: "/v1/tables/{tableId}/history", access: "read" },
  listMirrorStatuses: { method: "get", path: "/v1/tables/{tableId}/mirror", access: "read" },
  snapshot: { method: "post", path: "/v1/snapshots", access: "read" },
  getTransaction: { method: "get", path: "/v1/transactions/{transactionId}", access: "read" },
  health: { method: "get", path: "/v1/health", access: "open" },
  live: { method: "get", path: "/v1/live", access: "open" },
  openApi: { method: "get", path: "/v1/openapi.json", access: "open" },
} as const satisfies Readonly<Record<string, Route>>;

/** Beside the API, on `dl serve` alone; `monitoring.metrics_access` may open it. */
export const METRICS_ROUTE = { method: "get", path: "/metrics", access: "read" } as const;

/** Which of two servers answers a route, where one has no right to write. */
export function answeredBy({ access }: Pick<Route, "access">): Access {
  return access === "write" ? "write" : "read";
}

export type OperationId = keyof typeof ROUTES;
