/** Which rule refuses a change of metadata: for tables of cases. */

import assert from "node:assert/strict";
import type { Metadata, Protocol } from "../../lib/delta/actions.ts";
import type { Json, JsonObject } from "../../lib/delta/values/json.ts";
import { isLakeError } from "../../lib/errors.ts";
import { actions, field, metadata, protocol, schemaString } from "./builders.ts";
import { checkCommit } from "./check-commit.ts";

export const FEATURES = protocol(
  ["appendOnly", "invariants", "changeDataFeed", "rowTracking", "domainMetadata", "icebergCompatV1", "icebergCompatV2"],
  ["columnMapping", "typeWidening", "deletionVectors", "timestampNtz"],
);
const DECLARED = new Set([
  ...(FEATURES.writerFeatures ?? []),
  "allowColumnDefaults",
  "generatedColumns",
  "identityColumns",
]);

export interface Some {
  readonly fields: readonly JsonObject[];
  readonly configuration?: Record<string, string>;
  readonly partitionColumns?: readonly string[];
  readonly protocol?: Protocol;
}

function table({ fields, configuration = {}, partitionColumns = [] }: Some): Metadata {
  return metadata({ schemaString: schemaString(...fields), configuration, partitionColumns });
}

/** The rule that refuses the change; undefined when it is taken. */
export function refusal(before: Some, after: Some, files = 1): string | undefined {
  try {
    checkCommit(actions({ metadata: table(after) }), {
      protocol: after.protocol ?? FEATURES,
      metadata: table(before),
      declared: DECLARED,
      keptFiles: files,
      at: "/tables/0",
    });
    return undefined;
  } catch (error) {
    assert.ok(isLakeError(error, "invalid"), String(error));
    return String(error.facts?.rule ?? error.code);
  }
}

export const of = (type: Json, more: JsonObject = {}): Some => ({
  fields: [{ ...field("a", type), ...more }, field("z")],
});
export const struct = (...fields: readonly JsonObject[]): JsonObject => ({ type: "struct", fields });
export const array = (elementType: Json, containsNull = true): JsonObject => ({
  type: "array",
  elementType,
  containsNull,
});
export const map = (keyType: Json, valueType: Json, valueContainsNull = true): JsonObject => ({
  type: "map",
  keyType,
  valueType,
  valueContainsNull,
});
