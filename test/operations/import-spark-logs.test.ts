/**
 * Any log that Spark can read imports to the state that it describes: random histories, written down in every way that Spark's
 * reader passes over (unknown and null members, blank lines, texts in other forms), against a replay that knows files by number.
 */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { commitFileName } from "../../lib/delta/files/log-files.ts";
import type { JsonObject } from "../../lib/delta/values/json.ts";
import { isJsonObject, type Json } from "../../lib/delta/values/json.ts";
import { diffTable } from "../../lib/operations/diff.ts";
import { importLog, putText, tableActions } from "../support/foreign-log.ts";
import { openTestLake, type TestLake } from "../support/lake.ts";
import { headVersion, liveFiles } from "../support/table-facts.ts";

let lake: TestLake;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

// ---------------------------------------------------------------- histories

const NUM_FILES = 5;
/** Two spellings of one file: `g` is `%67`. */
const pathOf = (file: number, spelling: number) => `${spelling ? "%67" : "g"}${file}.parquet`;
const KEYS = ["p", "__proto__", "constructor", "a.b"];

interface Add {
  readonly file: number;
  readonly spelling: number;
  readonly size: number;
  readonly values: Readonly<Record<string, string | null>>;
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
}
interface Version {
  readonly removes: readonly { readonly file: number; readonly spelling: number }[];
  readonly adds: readonly Add[];
  readonly txns: readonly { readonly appId: string; readonly version: number }[];
  readonly domains: readonly { readonly domain: string; readonly configuration: string; readonly removed: boolean }[];
  readonly setting?: readonly [key: string, value: string];
}

/** Texts that JSON can also say otherwise: as a number, a flag, an object. */
const text = fc.constantFrom("x", "5", "1.50", "true", '{"a":1}', "[]", "", "null");
const map = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...KEYS), fc.option(text, { nil: null })), { selector: ([key]) => key })
  .map((entries) => Object.fromEntries(entries));
const file = fc.nat(NUM_FILES - 1);
const spelling = fc.nat(1);
const optional = { requiredKeys: ["file", "spelling", "size", "values"] } as const;
const add: fc.Arbitrary<Add> = fc.record(
  { file, spelling, size: fc.nat(1000), values: map, stats: fc.constantFrom('{"numRecords":3}', "x"), tags: map },
  { requiredKeys: [...optional.requiredKeys] },
);
const once = { maxLength: 3 };
const version: fc.Arbitrary<Version> = fc.record(
  {
    removes: fc.uniqueArray(fc.record({ file, spelling }), { ...once, selector: (r) => r.file }),
    adds: fc.uniqueArray(add, { ...once, selector: (a) => a.file }),
    txns: fc.uniqueArray(fc.record({ appId: fc.constantFrom("5", "app"), version: fc.nat(9) }), {
      ...once,
      selector: (t) => t.appId,
    }),
    domains: fc.uniqueArray(
      fc.record({ domain: fc.constantFrom("d", "e"), configuration: text, removed: fc.boolean() }),
      { ...once, selector: (d) => d.domain },
    ),
    setting: fc.tuple(fc.constantFrom("user.a", "__proto__"), text),
  },
  { requiredKeys: ["removes", "adds", "txns", "domains"] },
);
const history = fc.array(version, { minLength: 1, maxLength: 5 });

function replay(versions: readonly Version[]) {
  const files = new Map<number, Add>();
  const txns = new Map<string, number>();
  const domains = new Map<string, string>();
  let setting: Version["setting"];
  for (const one of versions) {
    for (const remove of one.removes) files.delete(remove.file);
    for (const added of one.adds) files.set(added.file, added);
    for (const txn of one.txns) txns.set(txn.appId, txn.version);
    for (const { domain, configuration, removed } of one.domains) {
      if (removed) domains.delete(domain);
      else domains.set(domain, configuration);
    }
    setting = one.setting ?? setting;
  }
  return { files, txns, domains, setting };
}

// ---------------------------------------------------------------- ways to write it down

/** A source of choices, so that one seed makes one log. */
type Choose = (count: number) => number;

const OTHERS = ["add", "remove", "metaData", "protocol", "txn", "commitInfo", "cdc", "domainMetadata"];

/** The text of a member as Spark would also take it. */
function loosely(value: Json, choose: Choose): Json {
  if (typeof value !== "string" || value === "null" || choose(2) === 0) return value;
  try {
    const other = JSON.parse(value) as Json;
    // Only what says the same when it is a text again.
    return JSON.stringify(other) === value ? other : value;
  } catch {
    return value;
  }
}

const TEXT_MAPS = ["partitionValues", "tags", "configuration"];
const TEXTS = ["stats", "appId", "schemaString"];

function bodyOf(body: JsonObject, choose: Choose): JsonObject {
  const members = Object.entries(body).flatMap(([name, value]): [string, Json][] => {
    if (value === undefined) return choose(2) ? [[name, null]] : [];
    if (TEXTS.includes(name)) return [[name, loosely(value, choose)]];
    if (!TEXT_MAPS.includes(name) || !isJsonObject(value)) return [[name, value]];
    return [
      [name, Object.fromEntries(Object.entries(value).map(([key, item]) => [key, loosely(item ?? null, choose)]))],
    ];
  });
  if (choose(3) === 0) members.push(["futureField", { x: [1, null] }]);
  if (choose(3) === 0) members.push(["clusteringProvider", null]);
  return Object.fromEntries(choose(2) ? members : members.reverse());
}

function lineOf(action: JsonObject, choose: Choose): string {
  const [[name, body] = ["", null]] = Object.entries(action);
  const members: [string, Json][] = [[name, isJsonObject(body) ? bodyOf(body, choose) : (body ?? null)]];
  for (const other of OTHERS) if (other !== name && choose(4) === 0) members.push([other, null]);
  if (choose(4) === 0) members.push(["futureAction", choose(2) ? null : { deep: { x: 1 } }]);
  const line = JSON.stringify(Object.fromEntries(choose(2) ? members : members.reverse()));
  return `${" ".repeat(choose(3))}${line}${" ".repeat(choose(2))}`;
}

function fileText(actions: readonly JsonObject[], choose: Choose): string {
  const lines = actions.map((action) => lineOf(action, choose));
  for (const more of [
    "",
    "  ",
    "{}",
    '{"add":null}',
    '{"futureAction":{"x":1}}',
    '{"commitInfo":{"operation":"WRITE"}}',
  ]) {
    if (choose(4) === 0) lines.splice(choose(lines.length + 1), 0, more);
  }
  return `${choose(4) === 0 ? "\ufeff" : ""}${lines.join(choose(3) === 0 ? "\r\n" : "\n")}${choose(3) === 0 ? "" : "\n"}`;
}

function actionsOf(one: Version, table: JsonObject): JsonObject[] {
  const metaData = isJsonObject(table.metaData) ? table.metaData : {};
  return [
    ...(one.setting ? [{ metaData: { ...metaData, configuration: Object.fromEntries([one.setting]) } }] : []),
    ...one.txns.map((txn) => ({ txn })),
    ...one.domains.map((domainMetadata) => ({ domainMetadata })),
    ...one.removes.map((r) => ({
      remove: { path: pathOf(r.file, r.spelling), deletionTimestamp: 1, dataChange: true },
    })),
    ...one.adds.map((a) => ({
      add: {
        path: pathOf(a.file, a.spelling),
        partitionValues: a.values,
        size: a.size,
        modificationTime: 1,
        dataChange: true,
        stats: a.stats,
        tags: a.tags,
      },
    })),
  ];
}

// ---------------------------------------------------------------- the property

let numTables = 0;

async function checkHistory(versions: readonly Version[], choose: Choose): Promise<void> {
  const location = `file:///lake/spark${++numTables}`;
  const table = tableActions() as JsonObject[];
  await putText(lake, location, commitFileName(0), fileText(table, choose));
  for (const [i, one] of versions.entries()) {
    await putText(lake, location, commitFileName(i + 1), fileText(actionsOf(one, table[1] ?? {}), choose));
  }
  const expected = replay(versions);
  for (const mode of ["full-history", "snapshot"] as const) {
    const id = await importLog(lake, `spark.t${numTables}_${mode}`, mode, location);
    const found = new Map((await liveFiles(lake, id)).map((live) => [live.path.replace("%67", "g"), live]));
    assert.equal(found.size, expected.files.size);
    for (const wanted of expected.files.values()) {
      const live = found.get(pathOf(wanted.file, 0));
      assert.ok(live, `file ${wanted.file}`);
      assert.deepEqual([live.size, live.stats], [wanted.size, wanted.stats]);
      assert.deepEqual(Object.entries(live.partitionValues).sort(), Object.entries(wanted.values).sort());
      assert.deepEqual(Object.entries(live.tags ?? {}).sort(), Object.entries(wanted.tags ?? {}).sort());
    }
    const header = await lake.catalog.readHeader(id, await headVersion(lake, id));
    assert.deepEqual(new Map(header.txns.map((txn) => [txn.appId, txn.version])), expected.txns);
    assert.deepEqual(new Map(header.domains.map((d) => [d.domain, d.configuration])), expected.domains);
    const settings = expected.setting ? [expected.setting] : [];
    assert.deepEqual(Object.entries(header.metadata.configuration), settings);
    const report = await diffTable(lake, { ref: { tableId: id }, lagThresholdSeconds: 5, maxDriftFiles: 0 });
    assert.deepEqual([report.outcome, report.drift.files, report.drift.other], ["ok", [], []]);
    await lake.catalog.dropTable(id, { unpublished: "giveUp" });
  }
}

test("random logs in every spelling that Spark reads", async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.infiniteStream(fc.nat()), async (versions, numbers) => {
      await checkHistory(versions, (count) => numbers.next().value % count);
    }),
    { numRuns: 60 },
  );
});
