/** The known name that a mistyped one is near, and names that are near none. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nearestName } from "../../lib/delta/values/nearest-name.ts";

describe("nearestName", () => {
  const near: readonly (readonly [string, string, readonly string[]])[] = [
    ["Add", "add", ["remove", "add"]],
    ["adds", "add", ["add", "remove"]],
    ["dad", "add", ["add", "remove"]],
    [" add\u200b", "add", ["add"]],
    ["ａｄｄ", "add", ["add"]],
    ["meta_data", "metaData", ["add", "metaData"]],
    ["partitionvalues", "partitionValues", ["path", "partitionValues"]],
    ["delta.apendOnly", "delta.appendOnly", ["delta.columnMapping.mode", "delta.appendOnly"]],
    ["delta.enableDeletionVectorz", "delta.enableDeletionVectors", ["delta.enableDeletionVectors"]],
    ["stat", "stats", ["state", "stats"].toReversed()],
  ];
  for (const [name, wanted, known] of near) {
    test(`${JSON.stringify(name)} is near ${wanted}`, () => assert.equal(nearestName(name, known), wanted));
  }

  const far: readonly (readonly [string, readonly string[]])[] = [
    ["", ["add"]],
    ["rows", ["tags"]],
    ["someFutureAction", ["add", "remove", "metaData", "domainMetadata"]],
    ["data", ["dataChange"]],
    ["x".repeat(1_000_000), ["add", "domainMetadata"]],
  ];
  for (const [name, known] of far) {
    test(`${JSON.stringify(name.slice(0, 20))} is near none`, () => assert.equal(nearestName(name, known), undefined));
  }
});
