/** Good tables, one for each way in which tables differ: what mutations start from. */

import type { Base, Field } from "./case.ts";

export function field(name: string, type: unknown, metadata: Field["metadata"] = {}, nullable = true): Field {
  return { name, type, nullable, metadata };
}

/** A field under column mapping. */
function mapped(id: number, name: string, type: unknown): Field {
  return field(name, type, { "delta.columnMapping.id": id, "delta.columnMapping.physicalName": `col-${id}` });
}

const ID = field("id", "long");
const NAME = field("name", "string");
const simple = (id: number) => ({ id, name: `n${id}` });
const struct = (...fields: readonly Field[]) => ({ type: "struct", fields });

const EVERY_TYPE: readonly Field[] = [
  ID,
  NAME,
  field("amount", "decimal(10,2)"),
  field("price", "double"),
  field("ratio", "float"),
  field("small", "integer"),
  field("ok", "boolean"),
  field("day", "date"),
  field("at", "timestamp"),
  field("attr", struct(field("a", "integer"), field("b", "string"))),
  field("tags", { type: "array", elementType: "string", containsNull: true }),
  field("counts", { type: "map", keyType: "string", valueType: "long", valueContainsNull: true }),
];

function everyType(id: number) {
  return {
    ...simple(id),
    amount: `${id}.25`,
    price: id / 4,
    ratio: id / 2,
    small: id,
    ok: id % 2 === 0,
    day: "2026-01-31",
    at: "2026-01-31T12:00:00.123456",
    attr: { a: id, b: `b${id}` },
    tags: ["x", null],
    counts: [["k", id]],
  };
}

/** For each type that a partition column may have: a good value, and how readers give it. */
export const PARTITION_TYPES: Readonly<Record<string, readonly [string, unknown]>> = {
  string: ["good", "good"],
  long: ["1", "1"],
  integer: ["1", "1"],
  short: ["1", "1"],
  byte: ["1", "1"],
  double: ["0.5", "0.5"],
  float: ["0.5", "0.5"],
  boolean: ["true", true],
  date: ["2026-01-31", "2026-01-31"],
  timestamp: ["2026-01-31 12:00:00", "2026-01-31T12:00:00.000000Z"],
  timestamp_ntz: ["2026-01-31 12:00:00", "2026-01-31T12:00:00.000000"],
  "decimal(10,2)": ["1.50", "1.50"],
  "decimal(5,2)": ["1.50", "1.50"],
  "decimal(38,18)": ["1.500000000000000000", "1.500000000000000000"],
  "decimal(10,0)": ["15", "15"],
  binary: ["ab", "0x6162"],
};

function partitioned([type, [text, value]]: readonly [string, readonly [string, unknown]]): Base {
  return {
    name: `by ${type}`,
    fields: [ID, NAME, field("p", type)],
    partitionColumns: ["p"],
    partitionValues: { p: text },
    partitionRow: { p: value },
    row: simple,
  };
}

const MAPPED = [mapped(1, "id", "long"), mapped(2, "name", "string")];
const MAPPING = { "delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "2" };
const supported = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [`delta.feature.${name}`, "supported"]));

export const BASES: readonly Base[] = [
  { name: "simple", fields: [ID, NAME], row: simple },
  { name: "every type", fields: EVERY_TYPE, row: everyType },
  ...Object.entries(PARTITION_TYPES).map(partitioned),
  {
    name: "by two",
    fields: [ID, NAME, field("p", "string"), field("q", "date")],
    partitionColumns: ["p", "q"],
    partitionValues: { p: "good", q: "2026-01-31" },
    partitionRow: { p: "good", q: "2026-01-31" },
    row: simple,
  },
  { name: "mapped", fields: MAPPED, configuration: MAPPING, row: simple },
  {
    name: "mapped by id",
    fields: MAPPED,
    configuration: { ...MAPPING, "delta.columnMapping.mode": "id" },
    row: simple,
  },
  {
    name: "vectors",
    fields: [ID, NAME],
    configuration: { "delta.enableDeletionVectors": "true" },
    row: simple,
  },
  { name: "change feed", fields: [ID, NAME], configuration: { "delta.enableChangeDataFeed": "true" }, row: simple },
  {
    name: "row ids",
    fields: [ID, NAME],
    configuration: {
      "delta.enableRowTracking": "true",
      "delta.rowTracking.materializedRowIdColumnName": "_row-id-col-1",
      "delta.rowTracking.materializedRowCommitVersionColumnName": "_row-commit-version-col-1",
    },
    row: simple,
  },
  { name: "domains", fields: [ID, NAME], configuration: supported("domainMetadata"), row: simple },
  { name: "clustered", fields: [ID, NAME], configuration: supported("clustering", "domainMetadata"), row: simple },
  { name: "append only", fields: [ID, NAME], configuration: { "delta.appendOnly": "true" }, row: simple },
  { name: "required", fields: [field("id", "long", {}, false), NAME], row: simple },
  {
    name: "widening",
    fields: [ID, NAME, field("small", "integer")],
    configuration: { "delta.enableTypeWidening": "true" },
    row: (id) => ({ ...simple(id), small: id }),
  },
  {
    name: "v2",
    fields: [ID, NAME],
    configuration: { "delta.checkpointPolicy": "v2", ...supported("v2Checkpoint") },
    row: simple,
  },
];
