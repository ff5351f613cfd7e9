/** Every request that clients of Unity Catalog make, of the table `big.wide`. */

import { type OperationId, ROUTES, UNITY_BASE } from "../../lib/wire/routes.ts";

export function unityRequests(
  tableId: string,
): readonly (readonly [operation: OperationId, path: string, body?: object])[] {
  const inDelta = `${UNITY_BASE}/delta/v1/catalogs/lake/schemas/big/tables/wide`;
  return [
    ["unityCatalogs", `${UNITY_BASE}/catalogs`],
    ["unityCatalog", `${UNITY_BASE}/catalogs/lake`],
    ["unitySchemas", `${UNITY_BASE}/schemas?catalog_name=lake`],
    ["unitySchema", `${UNITY_BASE}/schemas/lake.big`],
    ["unityTable", `${UNITY_BASE}/tables/lake.big.wide`],
    ["unityTables", `${UNITY_BASE}/tables?catalog_name=lake&schema_name=big`],
    ["unityTableCredentials", `${UNITY_BASE}/temporary-table-credentials`, { table_id: tableId, operation: "READ" }],
    ["unityConfig", `${UNITY_BASE}/delta/v1/config?catalog=lake&protocol-versions=1.0`],
    ["unityLoadTable", inDelta],
    ["unityLoadCredentials", `${inDelta}/credentials?operation=READ`],
    ["unityDefaultSchema", ROUTES.unityDefaultSchema.path],
  ];
}
