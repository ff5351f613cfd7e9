/** The routes of the API: method, path, and whether they read or write. The one list: the server and the deployment follow it. */

/** Who answers reads has no right to write; `POST /v1/snapshots` reads though its question comes in a body. */
export type Access = "read" | "write";

export interface Route {
  readonly method: "get" | "post" | "delete";
  readonly path: `/v1/${string}`;
  readonly access: Access;
}

/** By operation id. */
export const ROUTES = {
  commit: { method: "post", path: "/v1/commits", access: "write" },
  createUpload: { method: "post", path: "/v1/uploads", access: "write" },
  createTable: { method: "post", path: "/v1/tables", access: "write" },
  importTable: { method: "post", path: "/v1/tables/import", access: "write" },
  listTables: { method: "get", path: "/v1/tables", access: "read" },
  describeTable: { method: "get", path: "/v1/tables/{tableId}", access: "read" },
  dropTable: { method: "delete", path: "/v1/tables/{tableId}", access: "write" },
  listFiles: { method: "get", path: "/v1/tables/{tableId}/files", access: "read" },
  listCommits: { method: "get", path: "/v1/tables/{tableId}/commits", access: "read" },
  listHistory: { method: "get", path: "/v1/tables/{tableId}/history", access: "read" },
  listMirrorStatuses: { method: "get", path: "/v1/tables/{tableId}/mirror", access: "read" },
  snapshot: { method: "post", path: "/v1/snapshots", access: "read" },
  getTransaction: { method: "get", path: "/v1/transactions/{transactionId}", access: "read" },
  health: { method: "get", path: "/v1/health", access: "read" },
  openApi: { method: "get", path: "/v1/openapi.json", access: "read" },
} as const satisfies Readonly<Record<string, Route>>;

export type OperationId = keyof typeof ROUTES;
