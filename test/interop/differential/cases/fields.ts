/** Fields of actions with other types than the protocol and Spark's log schema give them. */

import type { Json, JsonObject } from "../../../../lib/delta/values/json.ts";
import type { Case } from "../case.ts";
import { adding, withStats } from "./build.ts";

const KIND = "fields";
const RAW = JSON as unknown as { rawJSON(text: string): Json };
const HUGE = RAW.rawJSON("99999999999999999999");
const ODD: readonly Json[] = [5, 1.5, true, "text", "", [], ["x"], {}, { a: 1 }, { a: "x" }, null, HUGE];

/** Members of commitInfo that Spark knows, and some of nobody. */
const INFO = [
  "version",
  "timestamp",
  "userId",
  "userName",
  "operation",
  "operationParameters",
  "job",
  "notebook",
  "clusterId",
  "readVersion",
  "isolationLevel",
  "isBlindAppend",
  "operationMetrics",
  "userMetadata",
  "tags",
  "engineInfo",
  "txnId",
  "inCommitTimestamp",
  "statistics",
  "predicate",
  "note",
  "__proto__",
];
const NESTED: readonly JsonObject[] = [
  { job: "nightly" },
  { job: { jobId: "5" } },
  { job: { jobId: 5, jobName: "x" } },
  { job: { jobId: { a: 1 } } },
  { job: { jobOwnerId: ["x"] } },
  { job: { unknown: "x" } },
  { notebook: "n" },
  { notebook: { notebookId: 5 } },
  { notebook: { notebookId: { a: 1 } } },
  { notebook: { unknown: 1 } },
  { operationMetrics: { numFiles: 5 } },
  { operationMetrics: { numFiles: "5" } },
  { operationMetrics: { numFiles: { a: 1 } } },
  { operationMetrics: { numFiles: null } },
  { operationParameters: { mode: "Append" } },
  { operationParameters: { mode: 5 } },
  { operationParameters: { by: ["a"] } },
  { operationParameters: { a: { b: 1 } } },
  { operationParameters: { a: null } },
  { tags: { a: "x" } },
  { tags: { a: 5 } },
  { tags: { a: null } },
  { tags: { a: { b: 1 } } },
  { operation: "WRITE", engineInfo: "me", userMetadata: "x" },
  { isBlindAppend: "true" },
  { isBlindAppend: true },
  { readVersion: "1" },
  { readVersion: RAW.rawJSON("1.0") },
  { timestamp: RAW.rawJSON("1e3") },
  { userMetadata: "\ud800" },
  { userMetadata: "x".repeat(100_000) },
  { operation: "a\u0000b" },
];

export function fieldCases(): Case[] {
  const infos = [...INFO.flatMap((name) => ODD.map((value) => member(name, value))), ...NESTED];
  return [...infos.map(info), ...addFields(), ...otherActions()];
}

function member(name: string, value: Json): JsonObject {
  return JSON.parse(`{${JSON.stringify(name)}:0}`, (key, v) => (key === name ? value : v)) as JsonObject;
}

function info(commitInfo: JsonObject): Case {
  return {
    kind: KIND,
    name: `commitInfo ${JSON.stringify(commitInfo).slice(0, 80)}`,
    base: "simple",
    additive: true,
    commit: (table) => {
      const sent = adding(table, (add) => add);
      return { ...sent, actions: [{ commitInfo }, ...sent.actions] };
    },
  };
}

const ADD: Readonly<Record<string, readonly Json[]>> = {
  path: [5, "", null, {}],
  size: ["5", 1.5, -1, 0, null, true, HUGE, RAW.rawJSON("1e3"), RAW.rawJSON("584.0")],
  modificationTime: ["5", 1.5, -1, 0, null, true, HUGE, RAW.rawJSON("1e12"), RAW.rawJSON("9223372036854775807")],
  dataChange: ["true", 1, null, {}],
  tags: [{ a: "x" }, { a: 5 }, { a: null }, { a: {} }, { a: true }, "x", 5, [], {}, null, { __proto__: "x" }],
  stats: [5, {}, "", "{", "[]", "null", '{"numRecords":2}', "{}", null, true],
  baseRowId: ["5", -1, 1.5, 0, null, HUGE],
  defaultRowCommitVersion: ["5", -1, 1.5, 0, null],
  clusteringProvider: [5, "liquid", null, {}],
  deletionVector: ["x", 5, {}, null, []],
  note: ["x", 5, {}, null],
};

function addFields(): Case[] {
  const cases = Object.entries(ADD).flatMap(([name, values]) =>
    values.map(
      (value): Case => ({
        kind: KIND,
        name: `add.${name} ${JSON.stringify(value)}`,
        base: "simple",
        additive: true,
        commit: (table) => adding(table, (add) => ({ ...add, [name]: value })),
      }),
    ),
  );
  const missing = ["path", "size", "partitionValues", "modificationTime", "dataChange", "stats"].map(
    (name): Case => ({
      kind: KIND,
      name: `add without ${name}`,
      base: "simple",
      commit: (table) =>
        adding(table, (add) => Object.fromEntries(Object.entries(add).filter(([key]) => key !== name))),
    }),
  );
  return [...cases, ...missing, ...stats()];
}

function stats(): Case[] {
  const of = (name: string, base: string, change: (s: JsonObject) => unknown): Case => ({
    kind: "stats",
    name,
    base,
    additive: true,
    commit: (table) => adding(table, (add) => withStats(add, change)),
  });
  const member_ = (values: Readonly<Record<string, readonly Json[]>>) =>
    Object.entries(values).flatMap(([key, list]) =>
      list.map((value) => of(`stats.${key} ${JSON.stringify(value)}`, "simple", (s) => ({ ...s, [key]: value }))),
    );
  const bounds = (column: string, values: readonly Json[]) =>
    values.map((value) =>
      of(`bounds of ${column} ${JSON.stringify(value)}`, "every type", (s) => ({
        ...s,
        minValues: { ...(s.minValues as JsonObject), [column]: value },
        maxValues: { ...(s.maxValues as JsonObject), [column]: value },
      })),
    );
  return [
    ...member_({
      numRecords: ["2", -1, 1.5, null, 3, 0, HUGE, RAW.rawJSON("2.0"), RAW.rawJSON("2e0")],
      minValues: [
        5,
        "x",
        [],
        null,
        {},
        { id: "x" },
        { id: null },
        { id: {} },
        { id: HUGE },
        { id: 10_000 },
        { nothing: 1 },
        { ID: 1 },
      ],
      maxValues: [5, "x", [], null, {}, { id: -1 }, { id: 1.5 }, { id: true }],
      nullCount: [5, "x", [], null, {}, { id: "x" }, { id: -1 }, { id: 5 }, { id: 1.5 }, { id: HUGE }, { nothing: 0 }],
      tightBounds: ["true", 5, null, {}, true, false],
      note: [5, "x", {}],
    }),
    ...bounds("amount", [
      "1.25",
      1.25,
      RAW.rawJSON("1e30"),
      "x",
      RAW.rawJSON("0.123456789"),
      RAW.rawJSON(`1${"0".repeat(400)}`),
    ]),
    ...bounds("price", ["NaN", "Infinity", 1, "x", RAW.rawJSON("1e400"), RAW.rawJSON("-0.0")]),
    ...bounds("day", ["2026-01-31", "2026-02-30", 5, "soon", "2026-01-31T00:00:00", "+12026-01-01"]),
    ...bounds("at", [
      "2026-01-31T12:00:00.123Z",
      "2026-01-31T12:00:00.123456Z",
      "2026-01-31 12:00:00",
      5,
      "soon",
      "2026-01-31T12:00:00.123+02:00",
    ]),
    ...bounds("ok", [true, "true", 5]),
    ...bounds("small", [1.5, "1", 2 ** 31, RAW.rawJSON("2.0")]),
    ...bounds("attr", [{ a: 1, b: "x" }, { a: "x" }, 5, { c: 1 }, null]),
    ...bounds("tags", ["x", ["x"]]),
    ...bounds("name", [5, "x", "\ud800", null, {}, "x".repeat(1000)]),
    of("stats with a key twice", "simple", () => 0),
  ].map((c) => (c.name === "stats with a key twice" ? doubled(c) : c));
}

function doubled(c: Case): Case {
  return { ...c, commit: (table) => adding(table, (add) => ({ ...add, stats: '{"numRecords":2,"numRecords":3}' })) };
}

function otherActions(): Case[] {
  const beside = (name: string, base: string, action: JsonObject, more: Partial<Case> = {}): Case => ({
    kind: KIND,
    name,
    base,
    commit: (table) => {
      const sent = adding(table, (add) => add);
      return { ...sent, actions: [...sent.actions, action] };
    },
    ...more,
  });
  const txn = (value: JsonObject) => beside(`txn ${JSON.stringify(value)}`, "simple", { txn: value });
  const domain = (value: JsonObject) =>
    beside(`domainMetadata ${JSON.stringify(value)}`, "domains", { domainMetadata: value });
  return [
    txn({ appId: "a", version: 1 }),
    txn({ appId: "a", version: 1, lastUpdated: 5 }),
    txn({ appId: "a", version: "1" }),
    txn({ appId: "a", version: -1 }),
    txn({ appId: "a", version: 1.5 }),
    txn({ appId: "a", version: HUGE }),
    txn({ appId: "a" }),
    txn({ appId: 5, version: 1 }),
    txn({ appId: "", version: 1 }),
    txn({ appId: "__proto__", version: 1 }),
    txn({ appId: "a", version: 1, lastUpdated: "now" }),
    txn({ appId: "a", version: 1, lastUpdated: 1.5 }),
    domain({ domain: "d", configuration: "{}", removed: false }),
    domain({ domain: "d", configuration: {}, removed: false }),
    domain({ domain: "d", configuration: null, removed: false }),
    domain({ domain: "d", configuration: "x" }),
    domain({ domain: "d", configuration: "x", removed: "false" }),
    domain({ domain: 5, configuration: "x", removed: false }),
    domain({ domain: "", configuration: "x", removed: false }),
    domain({ domain: "d", removed: true, configuration: "" }),
    ...removes(),
  ];
}

function removes(): Case[] {
  const values: Readonly<Record<string, readonly Json[]>> = {
    deletionTimestamp: ["5", 1.5, -1, null, HUGE, 0],
    dataChange: ["true", 5, null],
    extendedFileMetadata: ["true", 5, null, false],
    partitionValues: [null, 5, { p: "x" }],
    size: ["5", -1, 1.5, null],
    tags: [{ a: 5 }, "x", { a: "x" }, { a: null }],
    stats: [5, "{}", "{"],
    baseRowId: ["x", 5],
    note: ["x"],
  };
  const list = Object.entries(values).flatMap(([key, items]) => items.map((value) => [key, value] as const));
  return list.map(([key, value]) => ({
    kind: KIND,
    name: `remove.${key} ${JSON.stringify(value)}`,
    base: "simple",
    commit: (table) => {
      const [gone] = table.live;
      if (!gone) throw new Error("no file is live");
      const { path, partitionValues = {}, size = 0 } = gone.add;
      const remove = {
        path,
        deletionTimestamp: 1_767_225_600_000,
        dataChange: true,
        extendedFileMetadata: true,
        partitionValues,
        size,
      };
      return { actions: [{ remove: { ...remove, [key]: value } }], removed: [gone] };
    },
  }));
}
