/** The order of values and the truth of predicates, judged by DuckDB: no conflict that SQL sees is missed, none is made up. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { findConflict } from "../../lib/delta/conflicts.ts";
import { compilePredicate } from "../../lib/delta/predicates.ts";
import { tableDescription } from "../../lib/delta/table-configuration.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { valueType } from "../../lib/delta/values/value-types.ts";
import { actions, add, commit, metadata, remove } from "../support/builders.ts";

let duckdb: DuckDBConnection;
before(async () => {
  duckdb = await (await DuckDBInstance.create()).connect();
});
after(() => duckdb.closeSync());

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await duckdb.runAndReadAll(sql)).getRows();
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
const cast = (type: string) => (text: string) => `cast(${quoted(text)} as ${type})`;
const some = (...texts: string[]) => fc.constantFrom(...texts);
const close = fc.integer({ min: -3, max: 3 }).map(String);
const dates = fc
  .date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true })
  .map((date) => date.toISOString());
const nearDates = fc
  .date({ min: new Date(0), max: new Date(100_000), noInvalidDate: true })
  .map((d) => d.toISOString());
const timestamps = fc.oneof(dates, nearDates);
const chars = fc.string({
  unit: fc.oneof(fc.constantFrom("a", "b", "\uffee", "\ud7ff", "😀", "😁"), fc.string()),
  maxLength: 3,
});
const texts = chars.filter((text) => text !== "" && text.isWellFormed() && !text.includes("\0"));
const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.boolean())
  .map(([n, small]) => `${small ? n % 1000n : n}e-10`);

/** Texts of each partition type, and the value that DuckDB finds in them. */
const TYPES: Readonly<Record<string, { readonly text: fc.Arbitrary<string>; readonly sql: (text: string) => string }>> =
  {
    byte: { text: fc.integer({ min: -128, max: 127 }).map(String), sql: cast("tinyint") },
    short: { text: fc.oneof(close, fc.integer({ min: -32768, max: 32767 }).map(String)), sql: cast("smallint") },
    integer: { text: fc.oneof(close, fc.integer().map(String)), sql: cast("integer") },
    long: {
      text: fc.oneof(
        close,
        some("9007199254740992", "9007199254740993"),
        fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
      ),
      sql: cast("bigint"),
    },
    "decimal(38,10)": { text: fc.oneof(close, decimals), sql: cast("decimal(38,10)") },
    float: {
      text: fc.oneof(close, some("NaN", "0.1", "0.10000000149011612", "-0.0", "1e10"), fc.float().map(String)),
      sql: cast("float"),
    },
    double: {
      text: fc.oneof(close, some("NaN", "0.1", "0.10000000149011612", "-0.0", "4.9E-324"), fc.double().map(String)),
      sql: cast("double"),
    },
    boolean: { text: some("true", "false"), sql: cast("boolean") },
    date: { text: timestamps.map((text) => text.slice(0, 10)), sql: cast("date") },
    timestamp: { text: timestamps, sql: cast("timestamptz") },
    timestamp_ntz: { text: timestamps.map((text) => text.slice(0, 23).replace("T", " ")), sql: cast("timestamp") },
    string: { text: texts, sql: quoted },
    binary: { text: texts, sql: (text) => `encode(${quoted(text)})` },
  };
const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number) => fc.sample(arbitrary, count);

for (const [type, { text, sql }] of Object.entries(TYPES)) {
  describe(type, () => {
    test("values compare as DuckDB compares them", async () => {
      const pairs = sample(fc.tuple(text, text), 500);
      const cells = pairs.map(([a, b]) => `(${sql(a)}, ${sql(b)})`);
      const judged = await rows(`select a < b, a = b from (values ${cells.join(", ")}) t(a, b)`);
      const known = valueType(type) ?? assert.fail(type);
      for (const [i, [a, b]] of pairs.entries()) {
        const sign = known.compare(known.parse(a), known.parse(b)) ?? assert.fail(`${a} to ${b}`);
        assert.deepEqual([sign < 0, sign === 0], judged[i], `${JSON.stringify(a)} to ${JSON.stringify(b)}`);
      }
    });

    test("a value and its canonical text are one value to DuckDB", async () => {
      const values = sample(text, 200);
      const known = valueType(type) ?? assert.fail(type);
      const cells = values.map((value) => `(${sql(value)}, ${sql(known.canonical(value) ?? assert.fail(value))})`);
      const [differing] = await rows(`select count(*) from (values ${cells.join(", ")}) t(a, b) where a <> b`);
      assert.deepEqual(differing, [0n]);
    });

    test("a reader by predicate conflicts with just the winners whose files it would have read", async () => {
      const schemaString = JSON.stringify({ type: "struct", fields: [{ name: "p", type }] });
      const table = tableDescription(metadata({ partitionColumns: ["p"], schemaString }));
      const cases = sample(fc.tuple(predicates(text, sql), fc.option(text)), 300);
      const cells = cases.map(([{ where }, value]) => `(${where(value === null ? "null" : sql(value))})`);
      const judged = await rows(`select coalesce(c, false) from (values ${cells.join(", ")}) t(c)`);
      for (const [i, [{ json }, value]] of cases.entries()) {
        const matches = compilePredicate(json, table, "/p");
        const intent = {
          actions: actions(),
          isolation: "Serializable" as const,
          readsWholeTable: false,
          readPartitions: [matches],
          readFiles: new Set<string>(),
          appIds: new Set<string>(),
        };
        const file = { partitionValues: { p: value } };
        const told = `${JSON.stringify(json)} on ${JSON.stringify(value)}`;
        const appended = findConflict(intent, [commit({ adds: [add("a", file)] })]);
        assert.equal(appended?.code === "DELTA_CONCURRENT_APPEND", judged[i]?.[0], told);
        const removed = findConflict(intent, [commit({ removes: [remove("a", file)] })]);
        assert.equal(removed?.code === "DELTA_CONCURRENT_DELETE_READ", judged[i]?.[0], told);
      }
    });
  });
}

interface Predicate {
  readonly json: Json;
  /** SQL, for the SQL of a value. */
  where(value: string): string;
}

function predicates(text: fc.Arbitrary<string>, sql: (text: string) => string): fc.Arbitrary<Predicate> {
  const compared = fc.tuple(fc.constantFrom("=", "<>", "<", "<=", ">", ">="), text).map(
    ([op, value]): Predicate => ({
      json: { column: "p", op, value },
      where: (of) => `${of} ${op} ${sql(value)}`,
    }),
  );
  const listed = fc.array(text, { minLength: 1, maxLength: 3 }).map(
    (values): Predicate => ({
      json: { column: "p", op: "in", values },
      where: (of) => `${of} in (${values.map(sql).join(", ")})`,
    }),
  );
  const isNull = fc.constant<Predicate>({ json: { column: "p", op: "isNull" }, where: (of) => `${of} is null` });
  const joined = (name: "and" | "or") => (parts: readonly Predicate[]) => ({
    json: { [name]: parts.map(({ json }) => json) },
    where: (of: string) => parts.map(({ where }) => `(${where(of)})`).join(` ${name} `),
  });
  const { tree } = fc.letrec<{ tree: Predicate }>((tie) => {
    const parts = fc.array(tie("tree"), { minLength: 1, maxLength: 3 });
    return {
      tree: fc.oneof(
        { maxDepth: 3 },
        compared,
        listed,
        isNull,
        tie("tree").map(({ json, where }) => ({ json: { not: json }, where: (of: string) => `not (${where(of)})` })),
        parts.map(joined("and")),
        parts.map(joined("or")),
      ),
    };
  });
  return tree;
}
