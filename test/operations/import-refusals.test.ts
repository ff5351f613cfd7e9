/** Imports that are refused: by name, with the place in the log, as the caller's matter (4xx); and nothing of the table is left behind. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { importTable } from "../../lib/operations/import.ts";
import { Crash, crashPoint, dying } from "../support/crash.ts";
import { importLog, putLog, putText, tableActions } from "../support/foreign-log.ts";
import { openTestLake, type TestLake } from "../support/lake.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

const field = (name: string, type: Json) => ({ name, type, nullable: true, metadata: {} });
const schema = (...fields: Json[]) => JSON.stringify({ type: "struct", fields });
const VECTOR = { type: "udt", class: "org.example.VectorUDT", pyClass: "example.VectorUDT", sqlType: "string" };
const add = (fields: object) => ({ add: { path: "f", size: 1, modificationTime: 1, dataChange: true, ...fields } });

const SCHEMAS: Readonly<Record<string, readonly [schemaString: string, code: string, says: RegExp]>> = {
  "a schema that is not JSON": ["nope", "UNSUPPORTED_SCHEMA", /not JSON/],
  "an empty schema": ["", "UNSUPPORTED_SCHEMA", /not JSON/],
  "a schema that is half there": ['{"type":"struct","fields":[', "UNSUPPORTED_SCHEMA", /not JSON/],
  "a schema that is null": ["null", "UNSUPPORTED_SCHEMA", /is not a schema/],
  "a schema that is one type": ['"long"', "UNSUPPORTED_SCHEMA", /is not a schema/],
  "a schema without fields": ['{"type":"struct"}', "UNSUPPORTED_SCHEMA", /"fields"/],
  "a type of tomorrow": [schema(field("a", "money")), "UNSUPPORTED_SCHEMA", /"money"/],
  "a nested type of tomorrow": [
    schema(field("a", { type: "set", elementType: "long" })),
    "UNSUPPORTED_SCHEMA",
    /"set"/,
  ],
  "a decimal that nothing holds": [schema(field("a", "decimal(99,2)")), "UNSUPPORTED_SCHEMA", /decimal\(99,2\)/],
  "two columns of one name": [schema(field("a", "long"), field("A", "long")), "UNSUPPORTED_SCHEMA", /"a" and "A"/],
  "a user-defined type": [schema(field("v", VECTOR)), "UNSUPPORTED_TYPE", /"v".*org\.example\.VectorUDT/],
  "a user-defined type deep inside": [
    schema(
      field("s", { type: "struct", fields: [field("l", { type: "array", elementType: VECTOR, containsNull: true })] }),
    ),
    "UNSUPPORTED_TYPE",
    /"s\.l".*org\.example\.VectorUDT/,
  ],
};

function tableWith(metadata: object): Json[] {
  const [protocol, metaData] = tableActions() as [Json, { metaData: object }];
  return [protocol, { metaData: { ...metaData.metaData, ...metadata } }] as Json[];
}

async function assertRefused(name: string, code: string, says: RegExp, at?: RegExp): Promise<void> {
  const location = `file:///lake/${name}`;
  for (const mode of ["full-history", "snapshot"] as const) {
    await assert.rejects(importTable(lake, { name, location, mode }), (error) => {
      assert.ok(isLakeError(error, "invalid"), `${mode}: ${error}`);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, says);
      if (at) assert.match(error.at ?? "", at);
      return true;
    });
  }
  assert.equal(await lake.catalog.findTable({ name }, { anyStatus: true }), undefined, "nothing is left behind");
  // The name and the folder are free again.
  await lake.store(location).put("_delta_log/keep", new Uint8Array());
  for (let version = 0; version < 3; version += 1) await putText(lake, location, commitFileName(version), "{}\n");
  await putLog(lake, location, [{ actions: tableActions() }]);
  await importLog(lake, name, "snapshot");
}

let numTables = 0;
const newName = () => `refused.t${++numTables}`;

for (const [what, [schemaString, code, says]] of Object.entries(SCHEMAS)) {
  test(`${what} is refused, in the newest metaData only`, async () => {
    const name = newName();
    const location = `file:///lake/${name}`;
    await putLog(lake, location, [{ actions: tableActions() }, { actions: tableWith({ schemaString }) }]);
    await assertRefused(name, code, says, /schemaString/);
    const older = newName();
    await putLog(lake, `file:///lake/${older}`, [
      { actions: tableWith({ schemaString }) },
      { actions: tableActions() },
    ]);
    await importLog(lake, older);
  });
}

test("partition columns that are none, and files that are not Parquet", async () => {
  const [none, nested, csv] = [newName(), newName(), newName()];
  const put = (name: string, metadata: object) =>
    putLog(lake, `file:///lake/${name}`, [{ actions: tableWith(metadata) }]);
  await put(none, { partitionColumns: ["nowhere"] });
  await assertRefused(none, "UNSUPPORTED_SCHEMA", /"nowhere" is not a column/, /partitionColumns/);
  const list = field("l", { type: "array", elementType: "long", containsNull: true });
  await put(nested, { schemaString: schema(list, field("a", "long")), partitionColumns: ["l"] });
  await assertRefused(nested, "UNSUPPORTED_SCHEMA", /"l" has values without a text form/, /partitionColumns/);
  await put(csv, { format: { provider: "csv", options: {} } });
  await assertRefused(csv, "UNSUPPORTED_FORMAT", /"csv"/, /provider/);
});

test("a long log whose newest metaData is neither among the newest commits nor the first", async () => {
  const commits = (schemaString: string, last: string) => [
    { actions: tableActions() },
    { actions: tableWith({ schemaString }).slice(1) },
    { actions: tableWith({ schemaString: last }).slice(1) },
    ...Array.from({ length: 450 }, (_, i) => ({ actions: [add({ path: `f${i}` })] })),
  ];
  const [good, bad] = [schema(field("a", "long")), schema(field("a", "money"))];
  await putLog(lake, "file:///lake/r.long", commits(good, bad));
  await assertRefused("r.long", "UNSUPPORTED_SCHEMA", /"money"/);
  await putLog(lake, "file:///lake/r.long_then", commits(bad, good));
  await importLog(lake, "r.long_then");

  // A killed import has put the metaData into SQL, and the next one does not come by it again.
  const point = crashPoint(0, "after");
  const catalog = dying(lake.catalog, point, ["importBatches"]);
  await putLog(lake, "file:///lake/r.killed", commits(good, bad));
  const request = { name: "r.killed", location: "file:///lake/r.killed", mode: "full-history" } as const;
  await assert.rejects(importTable(lake.with({ catalog }), request), Crash);
  await assertRefused("r.killed", "UNSUPPORTED_SCHEMA", /"money"/);
});

test("a damaged log is refused with file, line and field, wherever the damage is", async () => {
  const commits = (second: string) => [
    tableActions()
      .map((a) => JSON.stringify(a))
      .join("\n"),
    second,
    "{}",
  ];
  const damages: readonly (readonly [text: string, code: string, at: RegExp])[] = [
    ["{nope", "MALFORMED_JSON", /^0{19}1\.json:1$/],
    ["{}\n\n[]", "MALFORMED_ACTION", /^0{19}1\.json:3$/],
    [`{}\n${JSON.stringify(add({ size: "1" }))}`, "MALFORMED_ACTION", /^0{19}1\.json:2\/add\/size$/],
    [JSON.stringify(add({ deletionVector: "x" })), "MALFORMED_ACTION", /^0{19}1\.json:1\/add\/deletionVector$/],
    ['{"protocol":{"minReaderVersion":1}}', "MALFORMED_ACTION", /^0{19}1\.json:1\/protocol\/minWriterVersion$/],
  ];
  for (const [text, code, at] of damages) {
    const name = newName();
    for (const [version, body] of commits(text).entries()) {
      await putText(lake, `file:///lake/${name}`, commitFileName(version), body);
    }
    await assertRefused(name, code, /./, at);
  }
});
