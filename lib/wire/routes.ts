/** The routes of the API: method, path, and the access they need. The one list: the server, the door and the deployment follow it. */

import type { Access } from "../access/principal.ts";
import type { Privilege } from "../access/privileges.ts";

export type { Access } from "../access/principal.ts";

/**
 * What a caller must be allowed: `POST /v1/snapshots` reads though its question comes in a body. `open` asks nobody who they
 * are: whether the service lives, to anyone, and more only to those who are known; and the document, which is no secret.
 */
export type Need = Access | "open";

/**
 * Which privilege a route asks for where grants are enforced, and on what: the table in its path (`dropped`: which may be a dropped one), the catalog, or
 * what only the request says. There the route itself asks, and a test sees that it does.
 */
export type Asks =
  | { readonly on: "table" | "dropped" | "catalog"; readonly privilege: Privilege; readonly also?: string }
  | { readonly on: "request"; readonly says: string }
  | { readonly on: "nothing" };

/** What a front of ours adds to each request, in place of what a client has sent by that name. */
export const FRONT_HEADER = "x-deltalakedb-front";
/** Where Unity Catalog's API begins; its clients put the rest behind it. */
export const UNITY_BASE = "/api/2.1/unity-catalog";

export interface Route {
  readonly method: "get" | "post" | "patch" | "delete";
  readonly path: `/v1/${string}` | `/api/${string}`;
  readonly access: Need;
  readonly asks: Asks;
  /** Of two servers the one that may write answers it, though a caller need not: it lends what only that one has. */
  readonly lends?: true;
}

const SELECT = { on: "table", privilege: "SELECT" } as const;
const SELECT_BY_NAME = { on: "request", says: "SELECT on the table" } as const;
const UNITY_TABLE = `${UNITY_BASE}/delta/v1/catalogs/{catalog}/schemas/{schema}/tables/{table}` as const;
const LENDS = {
  access: "read",
  asks: { on: "request", says: "to read SELECT on the table; to write APPEND for new files, MODIFY for all" },
  lends: true,
} as const;
const SHOWN = { on: "request", says: "shows schemas and tables on which the caller has any privilege" } as const;
const NOTHING = { on: "nothing" } as const;
const MANAGE = { on: "request", says: "MANAGE on what it is on; for roles on the catalog" } as const;

/** By operation id. */
export const ROUTES = {
  commit: {
    method: "post",
    path: "/v1/commits",
    access: "write",
    asks: {
      on: "request",
      says: "on each table what its actions do: APPEND, MODIFY, ALTER; CREATE in the namespace of a new one",
    },
  },
  append: {
    method: "post",
    path: "/v1/tables/{tableId}/appends",
    access: "write",
    asks: { on: "request", says: "APPEND on the table; MODIFY where files are replaced" },
  },
  createUpload: { method: "post", path: "/v1/uploads", access: "write", asks: NOTHING },
  createTable: {
    method: "post",
    path: "/v1/tables",
    access: "write",
    asks: { on: "request", says: "CREATE in its namespace" },
  },
  importTable: {
    method: "post",
    path: "/v1/tables/import",
    access: "write",
    asks: { on: "catalog", privilege: "CREATE" },
  },
  listTables: {
    method: "get",
    path: "/v1/tables",
    access: "read",
    asks: { on: "request", says: "shows tables on which the caller has any privilege" },
  },
  describeTable: { method: "get", path: "/v1/tables/{tableId}", access: "read", asks: SELECT },
  dropTable: {
    method: "delete",
    path: "/v1/tables/{tableId}",
    access: "write",
    asks: { on: "table", privilege: "DROP" },
  },
  renameTable: {
    method: "patch",
    path: "/v1/tables/{tableId}",
    access: "write",
    asks: { on: "table", privilege: "ALTER", also: "into another namespace MANAGE, and CREATE there" },
  },
  undropTable: {
    method: "post",
    path: "/v1/tables/{tableId}/undrop",
    access: "write",
    asks: { on: "dropped", privilege: "DROP", also: "under a name in another namespace MANAGE, and CREATE there" },
  },
  lendCredentials: { method: "post", path: "/v1/tables/{tableId}/credentials", ...LENDS },
  listFiles: { method: "get", path: "/v1/tables/{tableId}/files", access: "read", asks: SELECT },
  planScan: { method: "post", path: "/v1/tables/{tableId}/plan", access: "read", asks: SELECT },
  listTxns: { method: "get", path: "/v1/tables/{tableId}/txns", access: "read", asks: SELECT },
  listDomains: { method: "get", path: "/v1/tables/{tableId}/domains", access: "read", asks: SELECT },
  listCommits: { method: "get", path: "/v1/tables/{tableId}/commits", access: "read", asks: SELECT },
  listHistory: { method: "get", path: "/v1/tables/{tableId}/history", access: "read", asks: SELECT },
  listMirrorStatuses: { method: "get", path: "/v1/tables/{tableId}/mirror", access: "read", asks: SELECT },
  snapshot: {
    method: "post",
    path: "/v1/snapshots",
    access: "read",
    asks: { on: "request", says: "SELECT on each table" },
  },
  getTransaction: {
    method: "get",
    path: "/v1/transactions/{transactionId}",
    access: "read",
    asks: { on: "request", says: "any privilege on each of its tables" },
  },
  askMirror: {
    method: "post",
    path: "/v1/tables/{tableId}/mirror",
    access: "write",
    asks: { on: "table", privilege: "MIRROR" },
  },
  resolveTable: {
    method: "post",
    path: "/v1/tables/{tableId}/resolve",
    access: "write",
    asks: { on: "table", privilege: "RESOLVE" },
  },
  recoverTable: {
    method: "post",
    path: "/v1/tables/{tableId}/recover",
    access: "write",
    asks: { on: "table", privilege: "RECOVER" },
  },
  vacuumTable: {
    method: "post",
    path: "/v1/tables/{tableId}/vacuum",
    access: "write",
    asks: { on: "table", privilege: "VACUUM" },
  },
  makeBackup: {
    method: "post",
    path: "/v1/backups",
    access: "write",
    asks: { on: "catalog", privilege: "BACKUP" },
  },
  listGrants: {
    method: "get",
    path: "/v1/grants",
    access: "read",
    asks: { on: "request", says: "shows the caller's own, and those on what the caller may MANAGE" },
  },
  grant: { method: "post", path: "/v1/grants", access: "write", asks: MANAGE },
  revoke: { method: "delete", path: "/v1/grants", access: "write", asks: MANAGE },
  unityCatalogs: { method: "get", path: `${UNITY_BASE}/catalogs`, access: "read", asks: NOTHING },
  unityCatalog: { method: "get", path: `${UNITY_BASE}/catalogs/{catalog}`, access: "read", asks: NOTHING },
  unitySchemas: { method: "get", path: `${UNITY_BASE}/schemas`, access: "read", asks: SHOWN },
  unitySchema: { method: "get", path: `${UNITY_BASE}/schemas/{schema}`, access: "read", asks: SHOWN },
  unityTables: { method: "get", path: `${UNITY_BASE}/tables`, access: "read", asks: SHOWN },
  unityTable: { method: "get", path: `${UNITY_BASE}/tables/{table}`, access: "read", asks: SELECT_BY_NAME },
  unityTableCredentials: {
    method: "post",
    path: `${UNITY_BASE}/temporary-table-credentials`,
    ...LENDS,
  },
  unityConfig: { method: "get", path: `${UNITY_BASE}/delta/v1/config`, access: "read", asks: NOTHING },
  unityLoadTable: { method: "get", path: UNITY_TABLE, access: "read", asks: SELECT_BY_NAME },
  unityLoadCredentials: { method: "get", path: `${UNITY_TABLE}/credentials`, ...LENDS },
  unityDefaultSchema: {
    method: "get",
    path: "/api/2.0/settings/types/default_namespace_ws/names/default",
    access: "read",
    asks: SHOWN,
  },
  health: { method: "get", path: "/v1/health", access: "open", asks: NOTHING },
  live: { method: "get", path: "/v1/live", access: "open", asks: NOTHING },
  openApi: { method: "get", path: "/v1/openapi.json", access: "open", asks: NOTHING },
} as const satisfies Readonly<Record<string, Route>>;

/** Beside the API, on `dl serve` alone; `monitoring.metrics_access` may open it. */
export const METRICS_ROUTE = {
  method: "get",
  path: "/metrics",
  access: "read",
  asks: { on: "catalog", privilege: "MONITOR" },
} as const;

/** What a route asks for, as the documents say it. */
export function asksText(asks: Asks): string {
  if (asks.on === "nothing") return "—";
  if (asks.on === "request") return asks.says;
  const on = { table: "the table", dropped: "the table", catalog: "the catalog" }[asks.on];
  return `${asks.privilege} on ${on}${asks.also === undefined ? "" : `; ${asks.also}`}`;
}

/** Which of two servers answers a route, where one has no right to write. */
export function answeredBy({ access, lends }: Pick<Route, "access" | "lends">): Access {
  return access === "write" || lends === true ? "write" : "read";
}

export type OperationId = keyof typeof ROUTES;
