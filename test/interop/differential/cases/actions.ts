/** Names of actions and keys, paths of files, and files that are not what their action says. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, stringifyJson } from "../../../../lib/delta/values/json.ts";
import type { Case, Sent, Standing } from "../case.ts";
import { adding, withStats } from "./build.ts";

const NAMES = [
  "Add",
  "ADD",
  "adds",
  "ad",
  "addFile",
  " add",
  "add ",
  "\u0430dd",
  "append",
  "note",
  "myAction",
  "Remove",
  "metadata",
  "Protocol",
  "commitinfo",
  "CommitInfo",
  "Txn",
  "cdC",
  "domainmetadata",
  "sidecar",
  "checkpointMetadata",
  "__proto__",
  "",
];

export function actionCases(): Case[] {
  const kind = "action names and keys";
  const plain = (name: string, commit: (table: Standing) => Sent, more: Partial<Case> = {}): Case => ({
    kind,
    name,
    base: "simple",
    commit,
    ...more,
  });
  const text = (name: string, change: (add: string) => string) =>
    plain(name, (table) => {
      const file = table.next();
      return { actions: [change(stringifyJson(file.add))], added: file.rows };
    });
  return [
    ...NAMES.map((name) =>
      plain(`an add as ${JSON.stringify(name)}`, (t) => {
        const file = t.next();
        return { actions: [`{${JSON.stringify(name)}:${stringifyJson(file.add)}}`], added: file.rows };
      }),
    ),
    ...["note", "myAction", "vendor.thing"].map((name) =>
      plain(`${name} beside a good add, unknown actions allowed`, (t) => {
        const sent = adding(t, (add) => add);
        return { ...sent, actions: [...sent.actions, { [name]: { a: 1 } }], more: { allowUnknownActions: true } };
      }),
    ),
    text("a key twice in an add", (add) => `{"add":${add.slice(0, -1)},"size":1}}`),
    text("path twice in an add", (add) => `{"add":{"path":"nothing.parquet",${add.slice(1)}}`),
    text("the same key twice with the same value", (add) => `{"add":${add.slice(0, -1)},"dataChange":true}}`),
    text("two adds under one key", (add) => `{"add":${add},"add":${add}}`),
    text(
      "a key twice in partitionValues",
      (add) => `{"add":${add.replace('"partitionValues":{}', '"partitionValues":{"p":"1","p":"2"}')}}`,
    ),
    text("a key twice, once escaped", (add) => `{"add":${add.slice(0, -1)},"s\\u0069ze":1}}`),
    text("two actions in one object", (add) => `{"add":${add},"txn":{"appId":"a","version":1}}`),
    text("an add and a null remove", (add) => `{"add":${add},"remove":null}`),
    text("an add and an unknown key", (add) => `{"add":${add},"note":"x"}`),
    text("a key of an add in capitals", (add) => `{"add":${add.replace('"size"', '"Size"')}}`),
    text("dataChange in capitals", (add) => `{"add":${add.replace('"dataChange"', '"datachange"')}}`),
    text("stats in capitals", (add) => `{"add":${add.replace('"stats"', '"Stats"')}}`),
    text("an unknown key", (add) => `{"add":${add.slice(0, -1)},"vendor":{"a":1}}}`),
    text("__proto__ as a key", (add) => `{"add":${add.slice(0, -1)},"__proto__":{"size":1}}}`),
    plain("an empty action", () => ({ actions: ["{}"] })),
    plain("an action null", () => ({ actions: ["null"] })),
    plain("an action as a list", () => ({ actions: ["[]"] })),
    plain("an add null", () => ({ actions: ['{"add":null}'] })),
    plain("an add as a list", () => ({ actions: ['{"add":[]}'] })),
    plain("no actions", () => ({ actions: [] })),
    plain("the same add twice", (t) => {
      const sent = adding(t, (add) => add);
      return { ...sent, actions: [...sent.actions, ...sent.actions] };
    }),
    plain("a live file again", (t) => ({ actions: [{ add: t.live[0]?.add as JsonObject }] })),
    ...paths(),
    ...files(),
    ...changeFiles(),
    ...domains(),
  ];
}

function paths(): Case[] {
  const kind = "paths";
  const at = (name: string, change: (table: Standing, path: string) => string, base = "simple"): Case => ({
    kind,
    name,
    base,
    commit: (t) => adding(t, (add) => ({ ...add, path: change(t, String(add.path)) })),
  });
  const laid = (name: string, path: string, sent: string): Case => ({
    kind,
    name,
    base: "simple",
    commit: (t) => {
      const file = t.lay(t.next(), path);
      return { actions: [{ add: { ...file.add, path: sent } }], added: file.rows };
    },
  });
  const again = (name: string, change: (table: Standing, path: string) => string): Case => ({
    kind,
    name: `a live file again, ${name}`,
    base: "simple",
    commit: (t) => ({
      actions: [{ add: { ...(t.live[0]?.add as JsonObject), path: change(t, t.live[0]?.path ?? "") } }],
    }),
  });
  const FORMS: readonly (readonly [string, (t: Standing, path: string) => string])[] = [
    ["file://", (t, p) => `file://${t.folder}/${p}`],
    ["file:/", (t, p) => `file:${t.folder}/${p}`],
    ["FILE:///", (t, p) => `FILE://${t.folder}/${p}`],
    ["file://localhost", (t, p) => `file://localhost${t.folder}/${p}`],
    ["absolute without a scheme", (t, p) => `${t.folder}/${p}`],
    ["./", (_, p) => `./${p}`],
    ["x/../", (_, p) => `x/../${p}`],
    ["a double slash", (t, p) => `file://${t.folder}//${p}`],
    ["an escaped letter", (_, p) => p.replace("f", "%66")],
    ["an escaped letter, small hex", (_, p) => p.replace(".", "%2e")],
    ["the name of the folder outside and in", (t, p) => `../${t.folder.split("/").at(-1)}/${p}`],
    ["a query", (_, p) => `${p}?x=1`],
    ["a fragment", (_, p) => `${p}#x`],
    ["a slash behind", (_, p) => `${p}/`],
    ["a space behind", (_, p) => `${p} `],
    ["a backslash", (_, p) => `.\\${p}`],
    ["another letter's case", (_, p) => p.toUpperCase()],
  ];
  return [
    ...FORMS.flatMap(([name, change]) => [at(name, change), again(name, change)]),
    at("s3", (_, p) => `s3://bucket/${p}`),
    at("s3a", (_, p) => `s3a://bucket/${p}`),
    at("http", (_, p) => `http://localhost/${p}`),
    at("another table's file", (t, p) => `file://${t.folder}/../other/${p}`),
    at("within _delta_log", (_, p) => `_delta_log/${p}`),
    at("a broken escape", (_, p) => `%zz${p}`),
    at("a cut escape", (_, p) => `${p}%`),
    at("a null character", (_, p) => `${p}%00`),
    laid("a space, escaped", "a b.parquet", "a%20b.parquet"),
    laid("a space, as it is", "a b.parquet", "a b.parquet"),
    laid("a percent sign", "a%b.parquet", "a%25b.parquet"),
    laid("a percent sign, as it is", "a%b.parquet", "a%b.parquet"),
    laid("an escape in the name", "a%20b.parquet", "a%2520b.parquet"),
    laid("a plus", "a+b.parquet", "a+b.parquet"),
    laid("an umlaut, escaped", "ü.parquet", "%C3%BC.parquet"),
    laid("an umlaut, as it is", "ü.parquet", "ü.parquet"),
    laid("an emoji", "😀.parquet", "%F0%9F%98%80.parquet"),
    laid("a hash, escaped", "a#b.parquet", "a%23b.parquet"),
    laid("a question mark, escaped", "a?b.parquet", "a%3Fb.parquet"),
    laid("a colon", "a:b.parquet", "a:b.parquet"),
    laid("a colon in a folder", "x/a:b.parquet", "x/a:b.parquet"),
    laid("brackets", "a[b].parquet", "a%5Bb%5D.parquet"),
    laid("an ampersand", "a&b.parquet", "a&b.parquet"),
    laid("a deep folder", "x/y/z/f.parquet", "x/y/z/f.parquet"),
    laid("a hidden name", "_f.parquet", "_f.parquet"),
    laid("a dotted name", ".f.parquet", ".f.parquet"),
    laid("no ending", "part-0", "part-0"),
  ];
}

function files(): Case[] {
  const kind = "files";
  const at = (name: string, change: (add: JsonObject) => JsonObject, base = "simple"): Case => ({
    kind,
    name,
    base,
    commit: (t) => adding(t, change),
  });
  const deep = (name: string, change: (add: JsonObject) => JsonObject): Case => ({
    kind,
    name: `${name}, verified deeply`,
    base: "simple",
    commit: (t) => ({ ...adding(t, change), more: { verifyFiles: "deep" } }),
  });
  return [
    at("a path with a typo", (add) => ({ ...add, path: "f99x.parquet" })),
    at("a size too small", (add) => ({ ...add, size: 5 })),
    at("a size too large", (add) => ({ ...add, size: 5_000_000 })),
    at("a folder", (add) => ({ ...add, path: "_delta_log" })),
    deep("too many records", (add) => withStats(add, (s) => ({ ...s, numRecords: 5 }))),
    deep("too few records", (add) => withStats(add, (s) => ({ ...s, numRecords: 1 }))),
    {
      kind,
      name: "no Parquet, verified deeply",
      base: "simple",
      commit: (t) => {
        writeFileSync(join(t.folder, "text.parquet"), "no parquet at all");
        return { ...adding(t, (add) => ({ ...add, path: "text.parquet", size: 17 })), more: { verifyFiles: "deep" } };
      },
    },
    {
      kind,
      name: "an empty file",
      base: "simple",
      commit: (t) => {
        writeFileSync(join(t.folder, "empty.parquet"), "");
        return adding(t, (add) => ({ ...add, path: "empty.parquet", size: 0 }));
      },
    },
  ];
}

function changeFiles(): Case[] {
  const cdc = (name: string, change: (cdc: JsonObject) => JsonObject): Case => ({
    kind: "change files",
    name,
    base: "change feed",
    commit: (t) => {
      const sent = adding(t, (add) => add);
      const file = t.lay(t.next(), "_change_data/c.parquet");
      const good = { path: file.path, partitionValues: {}, size: Number(file.add.size), dataChange: false };
      return { ...sent, actions: [...sent.actions, { cdc: change(good) }] };
    },
  });
  return [
    cdc("good", (c) => c),
    cdc("tags with a number", (c) => ({ ...c, tags: { a: 5 } })),
    cdc("tags as a text", (c) => ({ ...c, tags: "x" })),
    cdc("tags with a text", (c) => ({ ...c, tags: { a: "x" } })),
    cdc("size as text", (c) => ({ ...c, size: "5" })),
    cdc("size with a fraction", (c) => ({ ...c, size: 1.5 })),
    cdc("dataChange true", (c) => ({ ...c, dataChange: true })),
    cdc("partitionValues with a number", (c) => ({ ...c, partitionValues: { p: 1 } })),
    cdc("partitionValues of no column", (c) => ({ ...c, partitionValues: { p: "1" } })),
    cdc("without partitionValues", ({ partitionValues: _, ...c }) => c),
    cdc("without a path", ({ path: _, ...c }) => c),
    cdc("an unknown key", (c) => ({ ...c, note: "x" })),
  ];
}

function domains(): Case[] {
  const set = (name: string, base: string, domain: string, configuration: unknown, removed = false): Case => ({
    kind: "domains",
    name,
    base,
    commit: (t) => {
      const sent = adding(t, (add) => add);
      const text = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
      return { ...sent, actions: [...sent.actions, { domainMetadata: { domain, configuration: text, removed } }] };
    },
  });
  const clustering = (columns: unknown) => ({ clusteringColumns: columns, domainName: "delta.clustering" });
  return [
    set("clustering by a column", "clustered", "delta.clustering", clustering([["id"]])),
    set("clustering by nothing", "clustered", "delta.clustering", clustering([])),
    set("clustering by an unknown column", "clustered", "delta.clustering", clustering([["nothing"]])),
    set("clustering by texts", "clustered", "delta.clustering", clustering(["id"])),
    set("clustering by five", "clustered", "delta.clustering", clustering([["id"], ["name"], ["id"], ["id"], ["id"]])),
    set("clustering, no JSON", "clustered", "delta.clustering", "x"),
    set("clustering removed", "clustered", "delta.clustering", "", true),
    set("clustering without the feature", "domains", "delta.clustering", clustering([["id"]])),
    set("row ids, high-water mark right", "row ids", "delta.rowTracking", { rowIdHighWaterMark: 5 }),
    set("row ids, high-water mark too low", "row ids", "delta.rowTracking", { rowIdHighWaterMark: 0 }),
    set("row ids, high-water mark as text", "row ids", "delta.rowTracking", { rowIdHighWaterMark: "5" }),
    set("row ids, nonsense", "row ids", "delta.rowTracking", "x"),
    set("row ids without the feature", "domains", "delta.rowTracking", { rowIdHighWaterMark: 5 }),
    set("an unknown system domain", "domains", "delta.foo", {}),
    set("a domain of one's own", "domains", "mine", { a: 1 }),
    set("a domain without the feature", "simple", "mine", {}),
  ];
}
