/** Text that is hostile takes time in proportion to its length: each text of each request, four times as long, in one run. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { tableLocation } from "../../lib/lake/table-location.ts";
import { checked } from "../../lib/validation.ts";
import { decodeCommitRequest } from "../../lib/wire/commit-request.ts";
import { snapshotRequest } from "../../lib/wire/contracts/reads.ts";
import { createTableRequest, importRequest } from "../../lib/wire/contracts/tables.ts";
import { readJsonText } from "../../lib/wire/json-text.ts";
import { parseTimestamp } from "../../lib/wire/timestamp.ts";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const ADD = { path: "a.parquet", partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
const table = (more: object) => ({
  transactionId: ID,
  tables: [{ table: "a.b", readVersion: 0, actions: [], ...more }],
});
const acting = (action: object) => table({ actions: [action] });
const commit = (body: object) => decodeCommitRequest(readJsonText(Buffer.from(JSON.stringify(body))));
const metaData = { id: "x", format: { provider: "parquet", options: {} }, partitionColumns: [], configuration: {} };

type Take = (text: string) => unknown;

/** Every text of every request, and the texts that are read outside of a contract. */
const FIELDS: Readonly<Record<string, Take>> = {
  transactionId: (text) => commit({ ...table({}), transactionId: text }),
  table: (text) => commit(table({ table: text })),
  tableId: (text) => commit(table({ table: undefined, tableId: text })),
  "reads.files": (text) => commit(table({ reads: { files: [text] } })),
  "reads.predicates": (text) => commit(table({ reads: { predicates: [{ column: text, op: "=", value: text }] } })),
  "reads.appIds": (text) => commit(table({ reads: { appIds: [text] } })),
  supportedFeatures: (text) => commit(table({ supportedFeatures: { reader: [text], writer: [text] } })),
  "add.path": (text) => commit(acting({ add: { ...ADD, path: text } })),
  "add.partitionValues": (text) => commit(acting({ add: { ...ADD, partitionValues: { [text]: text } } })),
  "add.stats": (text) => commit(acting({ add: { ...ADD, stats: text } })),
  "add.tags": (text) => commit(acting({ add: { ...ADD, tags: { [text]: text } } })),
  "metaData.schemaString": (text) => commit(acting({ metaData: { ...metaData, schemaString: text } })),
  "metaData.configuration": (text) => commit(acting({ metaData: { ...metaData, configuration: { [text]: text } } })),
  "metaData.description": (text) => commit(acting({ metaData: { ...metaData, name: text, description: text } })),
  "protocol.writerFeatures": (text) =>
    commit(acting({ protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: [text] } })),
  "txn.appId": (text) => commit(acting({ txn: { appId: text, version: 1 } })),
  domainMetadata: (text) => commit(acting({ domainMetadata: { domain: text, configuration: text, removed: false } })),
  commitInfo: (text) => commit(acting({ commitInfo: { operation: text, [text]: text } })),
  "an unknown action": (text) => commit({ ...acting({ [text]: { [text]: text } }), allowUnknownActions: true }),
  "an unknown member": (text) => commit({ ...table({}), [text]: 1 }),
  "create.name": (text) => checked(createTableRequest, { name: text, schema: { type: "struct", fields: [] } }),
  "create.partitionColumns": (text) => checked(createTableRequest, { name: "a.b", partitionColumns: [text] }),
  "create.configuration": (text) => checked(createTableRequest, { name: "a.b", configuration: { [text]: text } }),
  "create.description": (text) => checked(createTableRequest, { name: "a.b", description: text }),
  "import.location": (text) => checked(importRequest, { name: "a.b", location: text }),
  "snapshot.timestamp": (text) => checked(snapshotRequest, { tables: [{ table: "a.b" }], timestamp: text }),
  timestamp: (text) => parseTimestamp(text),
  "a JSON text": (text) => readJsonText(Buffer.from(`1.0${text}`)),
  "a JSON text, parsed at once": (text) => parseJson(`1.0${text}`),
};
const LOCATIONS = ["/tmp/", "s3://b/", "s3://", "file:///tmp/", "file:"];

/** What makes patterns that look back slow. */
const TEXTS: Readonly<Record<string, (n: number) => string>> = {
  letters: (n) => "a".repeat(n),
  digits: (n) => "4".repeat(n),
  "a fraction": (n) => `0.${"4".repeat(n)}x`,
  slashes: (n) => `${"/".repeat(n)}x`,
  folders: (n) => "a/".repeat(n / 2),
  "dots and names": (n) => `${"a.".repeat(n / 2)}!`,
  percents: (n) => "%2".repeat(n / 2),
  spaces: (n) => `${" ".repeat(n)}x`,
  quotes: (n) => `"${'\\"'.repeat(n / 2)}`,
  brackets: (n) => '[{"a":'.repeat(n / 6),
  dates: (n) => `2026-01-01T00:00:00.${"0".repeat(n)}`,
};

const N = 20_000;
/** Below so many milliseconds the clock says nothing. */
const FLOOR_MS = 20;

async function milliseconds(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 2; i += 1) {
    const startedAt = performance.now();
    try {
      await work();
    } catch (error) {
      assert.ok(isLakeError(error, "invalid") || error instanceof SyntaxError, String(error));
    }
    times.push(performance.now() - startedAt);
  }
  return Math.min(...times);
}

async function grows(take: (text: string) => unknown, make: (n: number) => string): Promise<string | undefined> {
  const [once, four] = [await milliseconds(() => take(make(N))), await milliseconds(() => take(make(4 * N)))];
  // Quadratic work takes sixteen times as long.
  return four < 10 * Math.max(once, FLOOR_MS) ? undefined : `${once.toFixed(1)} ms became ${four.toFixed(1)} ms`;
}

for (const [field, take] of Object.entries(FIELDS)) {
  test(`${field} takes linear time`, async () => {
    for (const [kind, make] of Object.entries(TEXTS)) {
      const found = await grows(take, make);
      assert.equal(found, undefined, `${kind}: ${found}`);
    }
  });
}

for (const begin of LOCATIONS) {
  test(`a location that begins with ${begin} takes linear time`, async () => {
    for (const [kind, make] of Object.entries(TEXTS)) {
      // As long as one may be, and longer.
      for (const scale of [40, 1]) {
        const found = await grows(
          (text) => tableLocation({ storage: "/tmp" }, begin + text, "a.b"),
          (n) => make(Math.floor(n / scale)),
        );
        assert.equal(found, undefined, `${kind}: ${found}`);
      }
    }
  });
}
