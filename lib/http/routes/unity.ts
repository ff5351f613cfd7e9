/** The part of the Unity Catalog API that finds tables by name. Commits go by the log: of external tables this API takes none. */

import type { Guard } from "../../access/guard.ts";
import type { Principal } from "../../access/principal.ts";
import type { TableRef } from "../../delta/request.ts";
import type { TableState } from "../../delta/table.ts";
import { type LentSession, lendCredentials } from "../../operations/lend-access.ts";
import { hasNamespace, listNamespaces, listTableStates } from "../../operations/namespaces.ts";
import { findHead } from "../../operations/read.ts";
import { missingTable, tableNotFound } from "../../operations/tables/missing-table.ts";
import type { Lake, ListPage } from "../../ports.ts";
import { checked } from "../../validation.ts";
import { objectText, PAGE_BYTES, writtenPage } from "../../wire/answer-size.ts";
import { problems } from "../../wire/contracts/problem.ts";
import { answers } from "../../wire/contracts/responses.ts";
import {
  UNITY_EXAMPLES,
  unityCatalog,
  unityCatalogParams,
  unityCatalogs,
  unityConfig,
  unityCredentials,
  unityCredentialsExamples,
  unityCredentialsQuery,
  unityCredentialsRequest,
  unityDefaultSchema,
  unityDeltaParams,
  unityLoadedTable,
  unityPage,
  unitySchema,
  unitySchemaParams,
  unitySchemas,
  unitySchemasQuery,
  unityTable,
  unityTableParams,
  unityTables,
  unityTablesQuery,
  unityTemporaryCredentials,
} from "../../wire/contracts/unity.ts";
import { PAGE_MAX } from "../../wire/contracts/values.ts";
import { ROUTES, UNITY_BASE } from "../../wire/routes.ts";
import { storageCredentials, temporaryCredentials, type UnityOperation } from "../../wire/unity/credentials.ts";
import {
  CATALOG,
  checkCatalog,
  mayBeSchema,
  mayBeTable,
  schemaNotFound,
  withinCatalog,
} from "../../wire/unity/names.ts";
import { loadedTable, tableInfo } from "../../wire/unity/tables.ts";
import { type Endpoint, endpoint, type Host, json, jsonText } from "../endpoint.ts";
import { borrowing } from "../lend.ts";

const tags = ["unity"];
/** Clients and their versions differ in what they send along. */
const passesOver = true;

const CATALOG_INFO = { name: CATALOG, properties: {} };
const schemaInfo = (name: string) => ({
  name,
  catalog_name: CATALOG,
  full_name: `${CATALOG}.${name}`,
  properties: {},
});

interface PageQuery {
  readonly max_results?: number | undefined;
  readonly page_token?: string | undefined;
}

/** Clients that never ask for a second page get as much as an answer holds. */
function pageOf({ max_results: most, page_token: token }: PageQuery, pageSize: number) {
  return { limit: Math.min(most || pageSize, PAGE_MAX), ...(token ? { cursor: token } : {}) };
}

function pageText<T>(name: string, page: ListPage<T>, write: (item: T) => unknown): Response {
  const { items, next } = writtenPage(page, write);
  return jsonText(200, objectText({}, { [name]: items }, { next_page_token: next }));
}

/** A table that the caller may read. @throws LakeError notFound, forbidden */
async function stateOf(lake: Lake, guard: Guard, ref: TableRef): Promise<TableState> {
  if ("name" in ref && !mayBeTable(ref.name)) throw tableNotFound(ref);
  const judged = await guard.tables([ref], ["SELECT"]);
  const [state] = await lake.catalog.readStates(judged);
  if (state === undefined) throw await missingTable(lake, ref);
  return state;
}

/** Undefined where the caller may know of everything: then less is read. */
function seenBy(guard: Guard): { readonly visible?: Guard["visible"] } {
  return guard.isEnforced ? { visible: guard.visible } : {};
}

/** Undefined for what is in a folder, which needs none. @throws LakeError notFound, forbidden; invalid; unavailable */
async function borrowed(
  { guard, principal }: { readonly guard: Guard; readonly principal: Principal | undefined },
  { lake, lending }: Pick<Host, "lake" | "lending">,
  asked: TableRef,
  operation: UnityOperation | undefined,
): Promise<{ readonly location: string; readonly lent?: LentSession }> {
  if ("name" in asked && !mayBeTable(asked.name)) throw tableNotFound(asked);
  const access = { read: true, write: operation === "READ_WRITE" };
  const { ref, rights } = await borrowing({ guard, principal }, asked, access);
  const { location } = await findHead(lake, ref);
  if (location.startsWith("file:")) return { location };
  return { location, lent: await lendCredentials(lake, ref, { rights, lending, by: principal }) };
}

const effectOf = ({ tableId, expiresAt }: LentSession, operation: UnityOperation | undefined) => ({
  tableId,
  lent: operation === "READ_WRITE" ? "readWrite" : "read",
  expiresAt,
});

const HOUR_MS = 3_600_000;
/** No cache keeps credentials. */
const SECRET = { "cache-control": "no-store" };
const ABOUT_CREDENTIALS =
  "A folder needs none. For a bucket they are lent as by `POST /v1/tables/{tableId}/credentials`, where the service has been given a role for that; else this is a 400 which says so.";

export const unityRoutes: readonly Endpoint[] = [
  endpoint(
    "unityCatalogs",
    {
      tags,
      passesOver,
      summary: "List the catalogs, of which there is one",
      query: unityPage,
      responses: { 200: answers("The catalog.", unityCatalogs, UNITY_EXAMPLES.catalogs), ...problems(400) },
    },
    async () => json(200, { catalogs: [CATALOG_INFO] }),
  ),
  endpoint(
    "unityCatalog",
    {
      tags,
      passesOver,
      summary: "The catalog",
      params: unityCatalogParams,
      responses: { 200: answers("The catalog.", unityCatalog, UNITY_EXAMPLES.catalog), ...problems(400, 404) },
    },
    async ({ params }) => {
      checkCatalog(params.catalog);
      return json(200, CATALOG_INFO);
    },
  ),
  endpoint(
    "unitySchemas",
    {
      tags,
      passesOver,
      summary: "List the schemas: the namespaces that tables lie in",
      query: unitySchemasQuery,
      responses: { 200: answers("One page.", unitySchemas, UNITY_EXAMPLES.schemas), ...problems(400, 404) },
    },
    async ({ query, guard }, { lake, pageSize }) => {
      checkCatalog(query.catalog_name);
      const page = await listNamespaces(lake, { ...pageOf(query, pageSize), ...seenBy(guard) });
      return pageText("schemas", page, schemaInfo);
    },
  ),
  endpoint(
    "unitySchema",
    {
      tags,
      passesOver,
      summary: "A schema",
      params: unitySchemaParams,
      responses: { 200: answers("The schema.", unitySchema, UNITY_EXAMPLES.schema), ...problems(400, 404) },
    },
    async ({ params, guard }, { lake }) => {
      const name = withinCatalog(params.schema);
      if (!mayBeSchema(name) || !(await hasNamespace(lake, name, seenBy(guard)))) throw schemaNotFound(name);
      return json(200, schemaInfo(name));
    },
  ),
  endpoint(
    "unityTables",
    {
      tags,
      passesOver,
      summary: "List the tables of a schema, with their columns",
      description: "Tables of the namespace itself; those of a namespace within it are in a schema of their own.",
      query: unityTablesQuery,
      responses: { 200: answers("One page.", unityTables, UNITY_EXAMPLES.tables), ...problems(400, 404) },
    },
    async ({ query, guard }, { lake, pageSize }) => {
      checkCatalog(query.catalog_name);
      const namespace = query.schema_name;
      if (!mayBeSchema(namespace)) throw schemaNotFound(namespace);
      const page = await listTableStates(lake, {
        namespace,
        maxBytes: PAGE_BYTES,
        ...pageOf(query, pageSize),
        ...seenBy(guard),
      });
      return pageText("tables", page, tableInfo);
    },
  ),
  endpoint(
    "unityTable",
    {
      tags,
      passesOver,
      summary: "A table, with its columns and its place",
      params: unityTableParams,
      responses: { 200: answers("The table.", unityTable, UNITY_EXAMPLES.table), ...problems(400, 404) },
    },
    async ({ params, guard, concerns }, { lake }) => {
      const name = withinCatalog(params.table);
      concerns([name]);
      return json(200, tableInfo(await stateOf(lake, guard, { name })));
    },
  ),
  endpoint(
    "unityTableCredentials",
    {
      tags,
      passesOver,
      summary: "Credentials for the files of a table",
      description: ABOUT_CREDENTIALS,
      body: { schema: unityCredentialsRequest, examples: unityCredentialsExamples },
      responses: {
        200: answers(
          "None are needed, or here they are.",
          unityTemporaryCredentials,
          UNITY_EXAMPLES.temporaryCredentials,
        ),
        ...problems(400, 404, 413, 415),
      },
    },
    async ({ body, guard, principal, concerns, changed }, host) => {
      const { table_id: tableId, operation } = checked(unityCredentialsRequest, await body());
      concerns([tableId]);
      const { location: url, lent } = await borrowed({ guard, principal }, host, { tableId }, operation);
      if (lent === undefined) return json(200, { url, expiration_time: host.lake.clock.now() + HOUR_MS });
      changed(effectOf(lent, operation));
      return json(200, { url, ...temporaryCredentials(lent) }, SECRET);
    },
  ),
  endpoint(
    "unityConfig",
    {
      tags,
      passesOver,
      summary: "What is served of the Delta API",
      responses: { 200: answers("The routes.", unityConfig, UNITY_EXAMPLES.config), ...problems(400) },
    },
    async () => json(200, { endpoints: DELTA_ENDPOINTS, "protocol-version": "1.0" }),
  ),
  endpoint(
    "unityLoadTable",
    {
      tags,
      passesOver,
      summary: "A table, as the Delta API loads it",
      params: unityDeltaParams,
      responses: { 200: answers("The table.", unityLoadedTable, UNITY_EXAMPLES.loaded), ...problems(400, 404) },
    },
    async ({ params, guard, concerns }, { lake }) => {
      const name = tableIn(params);
      concerns([name]);
      return json(200, loadedTable(await stateOf(lake, guard, { name })));
    },
  ),
  endpoint(
    "unityLoadCredentials",
    {
      tags,
      passesOver,
      summary: "Credentials for the files of a table, by the Delta API",
      description: ABOUT_CREDENTIALS,
      params: unityDeltaParams,
      query: unityCredentialsQuery,
      responses: {
        200: answers("None are needed, or here they are.", unityCredentials, UNITY_EXAMPLES.credentials),
        ...problems(400, 404),
      },
    },
    async ({ params, query, guard, principal, concerns, changed }, host) => {
      const name = tableIn(params);
      concerns([name]);
      const { operation } = query;
      const { lent } = await borrowed({ guard, principal }, host, { name }, operation);
      if (lent === undefined) return json(200, { "storage-credentials": [] });
      changed(effectOf(lent, operation));
      return json(200, { "storage-credentials": storageCredentials(lent, operation ?? "READ") }, SECRET);
    },
  ),
  endpoint(
    "unityDefaultSchema",
    {
      tags,
      passesOver,
      summary: "The schema that names without one mean: the first",
      description: "DuckDB asks for it when it attaches a catalog without `DEFAULT_SCHEMA`.",
      responses: {
        200: answers("Its name.", unityDefaultSchema, UNITY_EXAMPLES.defaultSchema),
        ...problems(400, 404),
      },
    },
    async ({ guard }, { lake }) => {
      const { items } = await listNamespaces(lake, { limit: 1, ...seenBy(guard) });
      return json(200, { setting_name: items[0] ?? "default" });
    },
  ),
];

function tableIn({ catalog, schema, table }: { catalog: string; schema: string; table: string }): string {
  checkCatalog(catalog);
  return `${schema}.${table}`;
}

/** As clients of the Delta API name its routes: from `/delta` on. */
const DELTA_ENDPOINTS = [ROUTES.unityLoadTable, ROUTES.unityLoadCredentials].map(
  ({ method, path }) => `${method.toUpperCase()} ${path.slice(`${UNITY_BASE}/delta`.length)}`,
);
