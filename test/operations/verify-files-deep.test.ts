/** The deep look at files that a commit names: footers against the schema, row counts against the statistics. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Json } from "../../lib/delta/values/json.ts";
import type { ObjectStore } from "../../lib/ports.ts";
import { arrow, parquetBytes } from "../parquet/fixture.ts";
import { addOf } from "../support/lake.ts";
import { bytes, location, open, refusal } from "../support/verifying-lake.ts";

describe("deep", () => {
  const good = { id: new arrow.Int64(), day: new arrow.Utf8() };
  const put = async (store: ObjectStore, columns: Record<string, arrow.DataType>, rows: Record<string, unknown>[]) => {
    const file = parquetBytes(columns, rows);
    await store.put("f.parquet", file);
    return (more: Record<string, Json> = {}) => addOf("f.parquet", { size: file.length, ...more });
  };
  const rows = [
    { id: 1n, day: "a" },
    { id: 2n, day: "b" },
  ];

  test("columns, types and rows as the table and the stats have them", async () => {
    const { store, send } = await open();
    const add = await put(store, good, rows);
    assert.equal(await send([add({ stats: '{"numRecords":2}' })], "deep"), "deep");
  });

  test("what is no Parquet file, has other columns or types, or another number of rows", async () => {
    const cases: readonly [
      Record<string, arrow.DataType>,
      Record<string, unknown>[],
      Record<string, Json>,
      string,
      RegExp,
    ][] = [
      [good, rows, { stats: '{"numRecords":3}' }, "FILE_STATS_MISMATCH", /2 rows.*3/],
      [
        { id: new arrow.Utf8(), day: new arrow.Utf8() },
        [{ id: "1", day: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"id" is long/,
      ],
      [
        { id: new arrow.Int32(), day: new arrow.Utf8() },
        [{ id: 1, day: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"id" is long/,
      ],
      [
        { id: new arrow.Int64(), day: new arrow.Float64() },
        [{ id: 1n, day: 1 }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"day" is string/,
      ],
      [
        { foo: new arrow.Utf8() },
        [{ foo: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /none of the table's columns, only "foo"/,
      ],
      [
        { id: new arrow.Int64(), dya: new arrow.Utf8() },
        [{ id: 1n, dya: "a" }],
        {},
        "FILE_SCHEMA_MISMATCH",
        /"day".*"dya"/,
      ],
    ];
    for (const [columns, content, more, code, message] of cases) {
      const { store, send, name } = await open();
      const add = await put(store, columns, content);
      const error = await refusal(send([add(more)], "deep"));
      assert.deepEqual([error.kind, error.code], ["invalid", code]);
      assert.match(error.message, message);
      assert.equal(error.at, "/tables/0/actions/0/add/path");
      assert.equal(error.facts?.lookedAt, `${location(name)}/f.parquet`);
      assert.equal(await send([add(more)]), "size", "without deep it is a file of the right size");
    }
    const { store, send } = await open();
    await store.put("f.parquet", bytes(500));
    assert.equal((await refusal(send([addOf("f.parquet", { size: 500 })], "deep"))).code, "FILE_NOT_PARQUET");
  });

  test("partition columns may be absent, and columns that read as NULL", async () => {
    const { store, send } = await open({ partitionColumns: ["day"] });
    const add = await put(store, { id: new arrow.Int64() }, [{ id: 1n }]);
    assert.equal(await send([add({ partitionValues: { day: "x" } })], "deep"), "deep");
    const plain = await open();
    const short = await put(plain.store, { id: new arrow.Int64() }, [{ id: 1n }]);
    assert.equal(await plain.send([short()], "deep"), "deep");
  });
});
