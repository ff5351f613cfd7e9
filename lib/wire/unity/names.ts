/** Names as clients of Unity Catalog know them, in three parts: our one catalog, a namespace as its schema, and the table's own name. */

import { notFound } from "../../errors.ts";
import { isTableName } from "../contracts/values.ts";
import { UNITY_BASE } from "../routes.ts";

/** The one catalog that there is. */
export const CATALOG = "lake";

/** A table's name, in the parts that Unity knows. */
export interface UnityName {
  readonly schema: string;
  readonly table: string;
}

/** `sales.eu.orders` is the table `orders` of the schema `sales.eu`. */
export function unityName(name: string): UnityName {
  const dot = name.lastIndexOf(".");
  return { schema: name.slice(0, dot), table: name.slice(dot + 1) };
}

/** @throws LakeError notFound CATALOG_NOT_FOUND */
export function checkCatalog(catalog: string): void {
  if (catalog === CATALOG) return;
  throw notFound(`there is no catalog named "${catalog}"`, {
    code: "CATALOG_NOT_FOUND",
    hint: `The one catalog of this service is called "${CATALOG}"; its namespaces are the schemas.`,
  });
}

/** What is behind the catalog in `lake.…`. @throws LakeError notFound CATALOG_NOT_FOUND */
export function withinCatalog(fullName: string): string {
  const [catalog = "", ...rest] = fullName.split(".");
  checkCatalog(catalog);
  return rest.join(".");
}

/** Whether a table or namespace may have this name: what may not is not there, and no question for a database. */
export function mayBeTable(name: string): boolean {
  return isTableName(name);
}

export function mayBeSchema(name: string): boolean {
  return isTableName(`${name}.t`);
}

/** @throws LakeError notFound SCHEMA_NOT_FOUND */
export function schemaNotFound(schema: string): Error {
  return notFound(`there is no schema named "${schema}": no table is in such a namespace`, {
    code: "SCHEMA_NOT_FOUND",
    hint: `GET ${UNITY_BASE}/schemas?catalog_name=${CATALOG} lists those that there are.`,
  });
}
