/** Changes of tables and grants over HTTP write their row of the audit trail themselves; what changes nothing has a row of the server. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ACCESS_CHAIN, tableChain } from "../../lib/access/audit-row.ts";
import { openRules } from "../../lib/access/rules.ts";
import type { AuditFacts } from "../../lib/ports.ts";
import { openLocalApi } from "./local-api.ts";
import { client } from "./stub-lake.ts";

test("a rename, a drop, a return, the end of a quarantine, an import, a grant and its end: each is one row, by its own transaction", async () => {
  const api = await openLocalApi();
  const { lake } = api;
  const { tableId, name } = await api.newTable();
  const privileges = ["MANAGE", "ALTER", "DROP", "CREATE", "RESOLVE"] as const;
  const grant = privileges.map((privilege) => ({ privilege, resource: "catalog", grantee: "user:boss" }));
  await lake.catalog.changeAccess({ mode: "enforced", grant, by: "operator", at: 1 });
  const noted: AuditFacts[] = [];
  const audit = { note: (facts: AuditFacts) => void noted.push(facts), flush: async () => undefined };
  const boss = { id: "user:boss", name: "boss", proof: "key", access: "write", groups: [] } as const;
  const door = { unnamed: "refused", identify: async () => boss } as const;
  const served = client(lake, { door, audit, rules: openRules(lake.catalog) });
  const send = (method: string, path: string, body?: object) =>
    served.send(path, {
      method,
      headers: { "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
  const wanted = { privilege: "SELECT", on: `table:${tableId}`, to: "user:x" };
  const changes = [
    ["PATCH", `/v1/tables/${tableId}`, { name: "re.named" }],
    ["DELETE", `/v1/tables/${tableId}`, undefined],
    ["POST", `/v1/tables/${tableId}/undrop`, {}],
    ["POST", `/v1/tables/${tableId}/resolve`, {}],
    ["POST", "/v1/tables/import", { name: "a.foreign", location: foreignTable(api.folder), mode: "snapshot" }],
    ["POST", "/v1/grants", wanted],
    ["DELETE", `/v1/grants?${new URLSearchParams(wanted)}`, undefined],
  ] as const;
  const statuses: string[] = [];
  let imported = "";
  for (const [method, path, body] of changes) {
    const { status, text } = await send(method, path, body);
    assert.ok(status < 300, `${method} ${path}: ${text}`);
    statuses.push(String(status));
    if (path.endsWith("/import")) imported = (JSON.parse(text) as { tableId: string }).tableId;
  }
  assert.deepEqual(noted, []);
  const rows = [
    ...(await lake.catalog.auditOf(tableChain(tableId), { after: 0, limit: 9 })),
    ...(await lake.catalog.auditOf(tableChain(imported), { after: 0, limit: 9 })),
    ...(await lake.catalog.auditOf(ACCESS_CHAIN, { after: 0, limit: 9 })),
  ];
  assert.deepEqual(
    rows.map(({ who, operation, decision, outcome, because }) => [who, operation, decision, outcome, because !== ""]),
    ["renameTable", "dropTable", "undropTable", "resolveTable", "importTable", "grant", "revoke"].map(
      (operation, i) => {
        return ["user:boss", operation, "allowed", statuses[i], true];
      },
    ),
  );
  assert.deepEqual(
    rows.map(({ effect }) => JSON.parse(effect)),
    [
      { tableId, name: "re.named", formerName: name },
      { dropped: tableId, unpublished: "keep" },
      { tableId, name: "re.named" },
      { resolved: tableId },
      { tableId: imported, name: "a.foreign" },
      { grant: wanted },
      { revoke: wanted },
    ],
  );
  for (const [method, path, body] of [changes[0], changes[2], changes[6]]) {
    assert.equal((await send(method, path, body)).status, 200);
  }
  assert.deepEqual(
    noted.map(({ operation, decision, effect }) => [operation, decision, effect]),
    ["renameTable", "undropTable", "revoke"].map((operation) => [operation, "allowed", ""]),
  );
});

/** A table of some other writer, in the folder of tables. */
function foreignTable(folder: string): string {
  const log = join(folder, "foreign", "_delta_log");
  mkdirSync(log, { recursive: true });
  const actions = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: crypto.randomUUID(),
        format: { provider: "parquet", options: {} },
        schemaString: JSON.stringify({ type: "struct", fields: [] }),
        partitionColumns: [],
        configuration: {},
      },
    },
  ];
  writeFileSync(join(log, `${"0".padStart(20, "0")}.json`), actions.map((action) => JSON.stringify(action)).join("\n"));
  return pathToFileURL(join(folder, "foreign")).href;
}
