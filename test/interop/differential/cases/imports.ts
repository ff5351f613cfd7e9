/** Logs of others, odd in one thing, that are imported: read as Spark reads them, or refused by name; never a table that cannot go on. */

import { type Json, type JsonObject, parseJson, stringifyJson } from "../../../../lib/delta/values/json.ts";
import type { Case } from "../case.ts";
import { nullIn } from "./build.ts";

type Lines = readonly string[];

export function importCases(): Case[] {
  const of = (name: string, change: (newest: Lines) => Lines): Case => ({
    kind: "imports",
    name,
    base: "simple",
    import: (version, lines) => (version === 2 ? change(lines) : lines),
  });
  const first = (name: string, change: (metaData: JsonObject) => JsonObject): Case => ({
    kind: "imports",
    name,
    base: "simple",
    import: (version, lines) => (version === 0 ? lines.map((line) => edit(line, "metaData", change)) : lines),
  });
  const add = (name: string, change: (add: JsonObject) => JsonObject) =>
    of(name, (lines) => lines.map((line) => edit(line, "add", change)));
  const beside = (more: Json) => (lines: Lines) =>
    lines.map((line) => stringifyJson({ ...(parseJson(line) as JsonObject), ...(more as JsonObject) }));
  const property = (key: string, value: string) =>
    first(`property ${key}=${value}`, (m) => ({
      ...m,
      configuration: { ...(m.configuration as JsonObject), [key]: value },
    }));
  const column = (name: string, value: unknown) =>
    first(name, (m) => {
      const schema = JSON.parse(String(m.schemaString));
      return { ...m, schemaString: JSON.stringify({ ...schema, fields: [...schema.fields, value] }) };
    });
  return [
    of("as it is", (lines) => lines),
    of("an unknown key beside each action", beside({ futureAction: { a: 1 } })),
    of("null members beside each action", (lines) => lines.map(withNulls)),
    of("a line with an unknown action", (lines) => [...lines, '{"futureAction":{"a":1}}']),
    of("an empty object", (lines) => [...lines, "{}"]),
    of("an empty line between", (lines) => lines.flatMap((line) => [line, ""])),
    of("carriage returns", (lines) => lines.map((line) => `${line}\r`)),
    of("spaces around", (lines) => lines.map((line) => `  ${line}  `)),
    of("a byte order mark", ([one = "", ...others]) => [`\ufeff${one}`, ...others]),
    of("a line cut off", (lines) => [...lines, '{"add":{"path":"f9.parq']),
    of("a line that is no object", (lines) => [...lines, "5"]),
    of("no commitInfo", (lines) => lines.filter((line) => !line.startsWith('{"commitInfo"'))),
    of("commitInfo last", ([info = "", ...others]) => [...others, info]),
    of("commitInfo with an odd job", (lines) =>
      lines.map((line) => edit(line, "commitInfo", (i) => ({ ...i, job: "nightly" }))),
    ),
    of("the same add twice", (lines) => [...lines, lines.at(-1) ?? ""]),
    add("an add with an unknown key", (a) => ({ ...a, future: { a: 1 } })),
    add("tags with a number", (a) => ({ ...a, tags: { a: 5 } })),
    add("stats that are no JSON", (a) => ({ ...a, stats: "{" })),
    add("stats empty", (a) => ({ ...a, stats: "" })),
    add("no stats", ({ stats: _, ...a }) => a),
    add("size as text", (a) => ({ ...a, size: "5" })),
    add("no modificationTime", ({ modificationTime: _, ...a }) => a),
    add("partitionValues null", (a) => ({ ...a, partitionValues: null })),
    first("schemaString is no JSON", (m) => ({ ...m, schemaString: "{" })),
    first("configuration null", (m) => ({ ...m, configuration: null })),
    first("configuration with a null", (m) => ({
      ...m,
      configuration: { ...(m.configuration as JsonObject), note: null },
    })),
    column("a UDT column", {
      name: "x",
      type: {
        type: "udt",
        class: "x.Y",
        pyClass: "x.Y",
        sqlType: { type: "struct", fields: [{ name: "a", type: "long", nullable: true, metadata: {} }] },
      },
      nullable: true,
      metadata: {},
    }),
    column("an unknown type", { name: "x", type: "future", nullable: true, metadata: {} }),
    {
      ...column("a column named __proto__", { name: "__proto__", type: "string", nullable: true, metadata: {} }),
      reshape: nullIn("__proto__"),
    },
    property("delta.appendOnly", "maybe"),
    property("delta.checkpointInterval", "ten"),
    property("delta.deletedFileRetentionDuration", "7 dayz"),
    property("delta.apendOnly", "true"),
    property("delta.isolationLevel", "Foo"),
    property("delta.columnMapping.mode", "foo"),
    property("__proto__", "x"),
  ];
}

function edit(line: string, kind: string, change: (action: JsonObject) => JsonObject): string {
  const action = parseJson(line) as JsonObject;
  return action[kind] ? stringifyJson({ ...action, [kind]: change(action[kind] as JsonObject) }) : line;
}

/** As engines write that have one column for each kind of action. */
function withNulls(line: string): string {
  return stringifyJson({
    txn: null,
    add: null,
    remove: null,
    metaData: null,
    protocol: null,
    cdc: null,
    commitInfo: null,
    ...(parseJson(line) as JsonObject),
  });
}
