/** Of every route a request, and exactly what it needs where grants are enforced. */

import assert from "node:assert/strict";
import { isOn, isOperatorPrivilege, PRIVILEGES, type Privilege } from "../../lib/access/privileges.ts";
import type { App } from "../../lib/http/app.ts";
import { METRICS_ROUTE, type OperationId, ROUTES, UNITY_BASE } from "../../lib/wire/routes.ts";
import { addOf, removeOf } from "./local-api.ts";
import { type Answer, answerOf } from "./stub-lake.ts";

export const SCHEMA = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };

export interface Stage {
  readonly folder: string;
  /** A name that nothing has yet. */
  next(what: string): string;
  newTable(): Promise<{ readonly tableId: string; readonly name: string }>;
  /** By somebody who may do everything. */
  rule(method: string, path: string, body?: unknown): Promise<Answer>;
}

export const commitOf = (tableId: string, actions: readonly object[], more: object = {}) => ({
  transactionId: crypto.randomUUID(),
  tables: [{ tableId, readVersion: 0, actions, ...more }],
});

export interface Case {
  readonly operation: OperationId | "metrics";
  readonly what?: string;
  /** What it needs, as `PRIVILEGE on …`. */
  readonly needs: readonly string[];
  readonly request: readonly [method: string, path: string, body?: unknown];
  /** Of somebody who has all that it needs. */
  readonly status: number;
}

/** Everything there is on this but the one, and what holds it; MODIFY is APPEND and more. */
export function othersThan(privilege: string, on: string): readonly string[] {
  const kind = on.startsWith("table:") ? "table" : "catalog";
  if (kind === "catalog" && !isOperatorPrivilege(privilege as Privilege)) return [];
  const names = (Object.keys(PRIVILEGES) as Privilege[]).filter((name) => isOn(name, kind) && name !== "OPERATE");
  return names.filter((name) => name !== privilege && !(privilege === "APPEND" && name === "MODIFY"));
}

/** What it needs; and for what operators do, what was granted to them before its parts could be. */
export function waysIn({ needs }: Case): readonly (readonly string[])[] {
  const aggregate = needs.map((need) => {
    const [privilege = "", on = ""] = need.split(" on ");
    return isOperatorPrivilege(privilege as Privilege) ? `OPERATE on ${on}` : need;
  });
  return aggregate.join() === needs.join() ? [needs] : [needs, aggregate];
}

/** What Unity's clients ask of a table that they know. */
function unityCases({ tableId, name }: { readonly tableId: string; readonly name: string }): readonly Case[] {
  const [schema, table] = name.split(/\.(?=[^.]*$)/);
  const inDelta = `${UNITY_BASE}/delta/v1/catalogs/lake/schemas/${schema}/tables/${table}`;
  const asked = { table_id: tableId, operation: "READ" };
  const requests: readonly [OperationId, ...Case["request"]][] = [
    ["unityTable", "GET", `${UNITY_BASE}/tables/lake.${name}`],
    ["unityLoadTable", "GET", inDelta],
    ["unityLoadCredentials", "GET", `${inDelta}/credentials`],
    ["unityTableCredentials", "POST", `${UNITY_BASE}/temporary-table-credentials`, asked],
  ];
  const needs = [`SELECT on table:${tableId}`];
  return requests.map(([operation, ...request]) => ({ operation, needs, request, status: 200 }));
}

const NOWHERE = "/v1/tables?location=file:///nowhere";

const UNITY_SHOWN = [
  ["unityCatalogs", `${UNITY_BASE}/catalogs`],
  ["unityCatalog", `${UNITY_BASE}/catalogs/lake`],
  ["unitySchemas", `${UNITY_BASE}/schemas?catalog_name=lake`],
  ["unityTables", `${UNITY_BASE}/tables?catalog_name=lake&schema_name=nothing`],
  ["unityConfig", `${UNITY_BASE}/delta/v1/config`],
  ["unityDefaultSchema", ROUTES.unityDefaultSchema.path],
] as const;

/** What operators ask of a service, each by a privilege of its own. */
function operatorCases({ tableId, name }: { readonly tableId: string; readonly name: string }): readonly Case[] {
  const of = (operation: OperationId, privilege: string, path: string, status: number, body = {}): Case => ({
    operation,
    needs: [`${privilege} on table:${tableId}`],
    request: ["POST", `/v1/tables/${name}/${path}`, body],
    status,
  });
  return [
    of("askMirror", "MIRROR", "mirror", 202),
    of("resolveTable", "RESOLVE", "resolve", 200),
    of("recoverTable", "RECOVER", "recover", 200),
    of("vacuumTable", "VACUUM", "vacuum", 200, { remove: true }),
    { operation: "makeBackup", needs: ["BACKUP on catalog"], request: ["POST", "/v1/backups", {}], status: 201 },
    { operation: "metrics", needs: ["MONITOR on catalog"], request: ["GET", METRICS_ROUTE.path], status: 200 },
  ];
}

/** On a new table each, so that cases change nothing for each other. */
export async function grantCases({ folder, next, newTable, rule }: Stage): Promise<readonly Case[]> {
  const { tableId, name } = await newTable();
  const other = await newTable();
  const dropped = await newTable();
  const moved = await newTable();
  assert.equal((await rule("DELETE", `/v1/tables/${dropped.tableId}?force=true`)).status, 204);
  const on = `table:${tableId}`;
  const place = `/v1/tables/${name}`;
  const transaction = commitOf(tableId, [{ txn: { appId: "a", version: 1 } }]);
  assert.equal((await rule("POST", "/v1/commits", transaction)).status, 201);
  const fresh = next("fresh");
  const file = next("file");
  const { metadata: _, ...rest } = { metadata: 1, id: tableId };
  const alter = {
    metaData: {
      ...rest,
      format: { provider: "parquet", options: {} },
      schemaString: JSON.stringify(SCHEMA),
      partitionColumns: [],
      configuration: { "delta.enableInCommitTimestamps": "true", note: "x" },
    },
  };
  const reads = (
    ["listFiles", "listTxns", "listDomains", "listCommits", "listHistory", "listMirrorStatuses"] as const
  ).map(
    (operation): Case => ({
      operation,
      needs: [`SELECT on ${on}`],
      request: ["GET", ROUTES[operation].path.replace("{tableId}", name)],
      status: 200,
    }),
  );
  return [
    { operation: "describeTable", needs: [`SELECT on ${on}`], request: ["GET", place], status: 200 },
    ...reads,
    ...unityCases({ tableId, name }),
    // Of a folder nothing is lent, which only those hear who might borrow.
    {
      operation: "lendCredentials",
      what: "to read",
      needs: [`SELECT on ${on}`],
      request: ["POST", `${place}/credentials`, { access: "read" }],
      status: 400,
    },
    {
      operation: "lendCredentials",
      what: "to write",
      needs: [`APPEND on ${on}`],
      request: ["POST", `${place}/credentials`, { access: "write" }],
      status: 400,
    },
    {
      operation: "planScan",
      needs: [`SELECT on ${on}`],
      request: ["POST", `${place}/plan`, { predicate: { column: "id", op: "=", value: 1 } }],
      status: 200,
    },
    {
      operation: "snapshot",
      needs: [`SELECT on ${on}`, `SELECT on table:${other.tableId}`],
      request: ["POST", "/v1/snapshots", { tables: [{ table: name }, { tableId: other.tableId }] }],
      status: 200,
    },
    {
      operation: "commit",
      what: "appends",
      needs: [`APPEND on ${on}`],
      request: ["POST", "/v1/commits", commitOf(tableId, [addOf(`${file}.parquet`)])],
      status: 201,
    },
    {
      operation: "append",
      needs: [`APPEND on ${on}`],
      request: [
        "POST",
        `/v1/tables/${tableId}/appends`,
        { transactionId: crypto.randomUUID(), actions: [addOf(`${file}-2.parquet`)] },
      ],
      status: 201,
    },
    {
      operation: "commit",
      what: "removes",
      needs: [`MODIFY on ${on}`],
      request: ["POST", "/v1/commits", commitOf(tableId, [removeOf(`${file}.parquet`)], { readVersion: 3 })],
      status: 201,
    },
    {
      operation: "commit",
      what: "alters",
      needs: [`ALTER on ${on}`],
      request: ["POST", "/v1/commits", commitOf(tableId, [alter], { readVersion: 4 })],
      status: 201,
    },
    {
      operation: "commit",
      what: "to two tables",
      needs: [`APPEND on table:${other.tableId}`, `APPEND on table:${moved.tableId}`],
      request: [
        "POST",
        "/v1/commits",
        {
          transactionId: crypto.randomUUID(),
          tables: [
            { table: other.name, readVersion: 0, actions: [addOf("a.parquet")] },
            { tableId: moved.tableId, readVersion: 0, actions: [addOf("a.parquet")] },
          ],
        },
      ],
      status: 201,
    },
    {
      operation: "getTransaction",
      needs: [`SELECT on ${on}`],
      request: ["GET", `/v1/transactions/${transaction.transactionId}`],
      status: 200,
    },
    {
      operation: "createTable",
      needs: [`CREATE on namespace:${fresh}`],
      request: ["POST", "/v1/tables", { name: `${fresh}.made`, schema: SCHEMA }],
      status: 201,
    },
    {
      operation: "importTable",
      needs: ["CREATE on catalog"],
      request: ["POST", "/v1/tables/import", { name: `${fresh}.taken`, location: `file://${folder}/nowhere` }],
      status: 404,
    },
    {
      operation: "undropTable",
      needs: [`DROP on table:${dropped.tableId}`],
      request: ["POST", `/v1/tables/${dropped.tableId}/undrop`, {}],
      status: 200,
    },
    {
      operation: "renameTable",
      needs: [`ALTER on table:${other.tableId}`],
      request: ["PATCH", `/v1/tables/${other.tableId}`, { name: `${other.name}_renamed` }],
      status: 200,
    },
    {
      operation: "renameTable",
      what: "into another namespace",
      needs: [`ALTER on table:${moved.tableId}`, `MANAGE on table:${moved.tableId}`, `CREATE on namespace:${fresh}`],
      request: ["PATCH", `/v1/tables/${moved.tableId}`, { name: `${fresh}.moved` }],
      status: 200,
    },
    {
      operation: "grant",
      needs: [`MANAGE on ${on}`],
      request: ["POST", "/v1/grants", { privilege: "SELECT", on: `table:${name}`, to: "user:nobody" }],
      status: 200,
    },
    {
      operation: "grant",
      what: "a place in a role",
      needs: ["MANAGE on catalog"],
      request: ["POST", "/v1/grants", { role: "nobodies", to: "user:nobody" }],
      status: 200,
    },
    {
      operation: "revoke",
      needs: [`MANAGE on ${on}`],
      request: ["DELETE", `/v1/grants?privilege=SELECT&on=table:${tableId}&to=user:nobody`],
      status: 200,
    },
    {
      operation: "dropTable",
      needs: [`DROP on ${on}`],
      request: ["DELETE", `${place}?force=true`],
      status: 204,
    },
    ...operatorCases(await newTable()),
    // Whoever is known may ask these; what is shown is another test's.
    { operation: "listTables", needs: [], request: ["GET", "/v1/tables"], status: 200 },
    { operation: "listTables", what: "where none is", needs: [], request: ["GET", NOWHERE], status: 200 },
    { operation: "listGrants", needs: [], request: ["GET", "/v1/grants"], status: 200 },
    { operation: "createUpload", needs: [], request: ["POST", "/v1/uploads", { bytes: 1 }], status: 404 },
    ...UNITY_SHOWN.map(([operation, path]): Case => ({ operation, needs: [], request: ["GET", path], status: 200 })),
    { operation: "unitySchema", needs: [], request: ["GET", `${UNITY_BASE}/schemas/lake.test`], status: 404 },
    { operation: "health", needs: [], request: ["GET", "/v1/health"], status: 200 },
    { operation: "live", needs: [], request: ["GET", "/v1/live"], status: 200 },
    { operation: "openApi", needs: [], request: ["GET", "/v1/openapi.json"], status: 200 },
  ];
}

export type Send = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** Asks an app as one caller. @param env what the server knows of the connection */
export function sender(app: App, authorization: string | undefined, env: object = {}): Send {
  const known = authorization === undefined ? {} : { authorization: `Bearer ${authorization}` };
  return async (method, path, body) => {
    const sent = body === undefined ? {} : { "content-type": "application/json" };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    return answerOf(await app.request(path, { method, headers: { ...known, ...sent }, ...content }, env));
  };
}
