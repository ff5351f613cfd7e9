/** What the LogStore for Spark says alike with the server, and its documents with its code. The engine itself: test/interop/logstore.test.ts. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WRITER_DUTIES } from "../../lib/delta/features.ts";

const CLIENT = new URL("../../clients/spark-logstore/", import.meta.url);
const SOURCES = new URL("src/main/java/io/deltalakedb/logstore/", CLIENT);
const source = (name: string) => readFileSync(new URL(name, SOURCES), "utf8");

test("it claims the duties of writers that the API asks for", () => {
  const [, list = ""] = /WRITER_DUTIES = \{(.*?)\}/s.exec(source("VersionBody.java")) ?? [];
  assert.deepEqual(
    [...list.matchAll(/"([^"]+)"/g)].map(([, name]) => name),
    [...WRITER_DUTIES],
  );
});

test("its README names each setting that it reads", () => {
  const readme = readFileSync(new URL("README.md", CLIENT), "utf8");
  const names = [...source("CatalogSettings.java").matchAll(/PREFIX \+ "([a-z.]+)"/g)].map(([, name]) => name ?? "");
  assert.ok(names.length > 4);
  for (const name of names) assert.ok(readme.includes(`\`spark.hadoop.deltalakedb.${name}\``), name);
});

test("it needs nothing beyond the JDK, Hadoop, Delta's storage and Jackson", () => {
  const files = readdirSync(fileURLToPath(SOURCES));
  const imports = files.flatMap((name) => [...source(name).matchAll(/^import (?:static )?([\w.]+);/gm)]);
  const isKnown = /^(java|javax\.crypto|org\.apache\.hadoop\.(conf|fs)|io\.delta\.storage|com\.fasterxml\.jackson)\./;
  for (const [, name = ""] of imports) assert.match(name, isKnown);
});
