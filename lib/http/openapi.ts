/** The OpenAPI document: made of the contracts of the routes, so that it is as strict as the server. */

import { stringifyJson } from "../delta/values/json.ts";
import { ACTION } from "../wire/contracts/actions.ts";
import { PREDICATE } from "../wire/contracts/predicates.ts";
import type { ResponseContract } from "../wire/contracts/responses.ts";
import type { z } from "../wire/contracts/values.ts";
import { type JsonSchema, jsonSchemaOf } from "../wire/json-schema.ts";
import { type OperationId, ROUTES } from "../wire/routes.ts";
import type { Contract } from "./endpoint.ts";

/** What the document needs of a route. */
export interface Documented {
  readonly operationId: OperationId;
  readonly contract: Contract;
}

/** The document as JSON. */
export function openApiDocument(endpoints: readonly Documented[], version: string): string {
  const components: Record<string, JsonSchema> = { Predicate: PREDICATE };
  const schemaOf = (contract: z.ZodType, of: "request" | "answer"): JsonSchema => {
    const derived = jsonSchemaOf(contract, of);
    Object.assign(components, derived.components);
    return derived.schema;
  };
  schemaOf(ACTION, "request");
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { operationId, contract } of endpoints) {
    const { access, method, path } = ROUTES[operationId];
    const security = access === "open" ? { security: [{}] } : {};
    paths[path] = { ...paths[path], [method]: { ...operation(operationId, contract, schemaOf), ...security } };
  }
  return stringifyJson({ ...head(version), paths, components: { schemas: components, securitySchemes: SECURITY } });
}

type SchemaOf = (contract: z.ZodType, of: "request" | "answer") => JsonSchema;

function operation(operationId: string, contract: Contract, schemaOf: SchemaOf): object {
  const { params, query, body, responses, tags, summary, description } = contract;
  const parameters = [...parametersIn("path", params, schemaOf), ...parametersIn("query", query, schemaOf)];
  const content = body && {
    "application/json": { schema: schemaOf(body.schema, "request"), examples: body.examples },
  };
  return {
    operationId,
    tags,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(content ? { requestBody: { required: true, content } } : {}),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, response]) => [status, responseOf(response, schemaOf)]),
    ),
  };
}

function parametersIn(place: "path" | "query", shape: z.ZodObject | undefined, schemaOf: SchemaOf): object[] {
  if (shape === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(shape, "request") as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function responseOf({ description, headers, content }: ResponseContract, schemaOf: SchemaOf): object {
  const media = Object.entries(content ?? {}).map(([type, { schema, example }]) => [
    type,
    { schema: schemaOf(schema, "answer"), ...(example === undefined ? {} : { example }) },
  ]);
  return {
    description,
    ...(headers ? { headers } : {}),
    ...(media.length === 0 ? {} : { content: Object.fromEntries(media) }),
  };
}

/** On AWS IAM or a token is asked for (docs/deployment.md), by `dl serve` a key or a token, or nothing (docs/api.md). */
const SECURITY = {
  iam: {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description: "AWS Signature Version 4 of the service execute-api",
  },
  token: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A token of the identity provider" },
  key: { type: "http", scheme: "bearer", bearerFormat: "dlk_", description: "An API key of `dl key create`" },
};

function head(version: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "deltalakedb",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description:
        "Commits to Delta Lake tables through a SQL catalog, many tables at once; `_delta_log` follows as a mirror. " +
        "All times are milliseconds since the epoch. Integers may need 64 bits: parse them without loss.",
    },
    servers: [{ url: "/", description: "The server that this document comes from" }],
    security: [{}, { iam: [] }, { token: [] }, { key: [] }],
    tags: [
      { name: "commits", description: "Write to one or many tables: all of them, or none." },
      { name: "tables", description: "Tables, and how they come into the catalog." },
      { name: "reads", description: "States and histories of tables." },
      { name: "access", description: "Who may do what." },
      {
        name: "unity",
        description: "Tables found by name, for clients of Unity Catalog: the part of its API that reads.",
      },
      { name: "service", description: "The service itself." },
    ],
  };
}
