/** Protocols and table features: well formed, known, upgraded, active, declared. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Metadata, Protocol } from "../../lib/delta/actions.ts";
import { FEATURES, knownFeature, supportedFeatures } from "../../lib/delta/features.ts";
import {
  checkProtocolKnown,
  checkProtocolShape,
  checkProtocolUpgrade,
  checkWritable,
} from "../../lib/delta/protocol.ts";
import { isActive, tableConfiguration } from "../../lib/delta/table-configuration.ts";
import type { JsonObject } from "../../lib/delta/values/json.ts";
import { field, legacy, metadata, protocol, refuses, schemaString } from "../support/builders.ts";

const AT = "/tables/0";

describe("edge 35: the shape of a protocol", () => {
  const good: readonly [string, Protocol][] = [
    ["(1, 1)", legacy(1, 1)],
    ["(1, 2)", legacy(1, 2)],
    ["(2, 5)", legacy(2, 5)],
    ["(1, 7) with writer features", protocol(["appendOnly"])],
    ["(1, 7) with no feature", protocol()],
    ["(3, 7)", protocol(["appendOnly"], ["deletionVectors"])],
    ["(2, 7) with columnMapping", { ...legacy(2, 7), writerFeatures: ["columnMapping"] }],
    ["a feature that we do not know", protocol(["someFeature"])],
    ["rowTracking with domainMetadata", protocol(["rowTracking", "domainMetadata"])],
  ];
  for (const [name, value] of good) test(`${name} is well formed`, () => checkProtocolShape(value, AT));

  const bad: readonly [string, Protocol][] = [
    ["(0, 2)", legacy(0, 2)],
    ["(1, 0)", legacy(1, 0)],
    ["(3, 7) without readerFeatures", { ...legacy(3, 7), writerFeatures: [] }],
    ["(3, 7) without writerFeatures", { ...legacy(3, 7), readerFeatures: [] }],
    ["(3, 5)", { ...legacy(3, 5), readerFeatures: [] }],
    ["(1, 7) with readerFeatures", { ...legacy(1, 7), readerFeatures: [], writerFeatures: [] }],
    ["(1, 2) with writerFeatures", { ...legacy(1, 2), writerFeatures: [] }],
    ["(1, 7) with deletionVectors for writers only", protocol(["deletionVectors"])],
    ["(2, 7) with deletionVectors for writers only", { ...legacy(2, 7), writerFeatures: ["deletionVectors"] }],
    ["(1, 7) with columnMapping", protocol(["columnMapping"])],
    [
      "a reader feature that is no writer feature",
      { ...legacy(3, 7), readerFeatures: ["v2Checkpoint"], writerFeatures: [] },
    ],
    ["a writer feature among the reader features", protocol([], ["appendOnly"])],
    ["rowTracking without domainMetadata", protocol(["rowTracking"])],
    ["icebergCompatV2 without columnMapping", protocol(["icebergCompatV2"])],
  ];
  for (const [name, value] of bad) {
    test(`${name} is refused`, () => {
      refuses(() => checkProtocolShape(value, AT), { code: "DELTA_INVALID_PROTOCOL_VERSION", at: AT });
    });
  }
});

describe("what we know", () => {
  test("all numbered versions and all listed features are known", () => {
    for (let writer = 1; writer <= 6; writer += 1) checkProtocolKnown(legacy(writer < 5 ? 1 : 2, writer));
    checkProtocolKnown(protocol(Object.keys(FEATURES)));
  });
  const bad: readonly [string, Protocol, string][] = [
    ["reader version 4", { ...legacy(4, 7), readerFeatures: [], writerFeatures: [] }, "UNSUPPORTED_READER_PROTOCOL"],
    ["reader version 0", legacy(0, 2), "UNSUPPORTED_READER_PROTOCOL"],
    ["writer version 8", legacy(1, 8), "UNSUPPORTED_WRITER_PROTOCOL"],
    ["writer version 0", legacy(1, 0), "UNSUPPORTED_WRITER_PROTOCOL"],
    ["an unknown writer feature", protocol(["someFeature"]), "UNSUPPORTED_FEATURE"],
    ["an unknown reader feature", protocol([], ["someFeature"]), "UNSUPPORTED_FEATURE"],
    [
      "catalogManaged: another catalog's table",
      protocol(["inCommitTimestamp"], ["catalogManaged"]),
      "UNSUPPORTED_FEATURE",
    ],
    ["constructor, which every object has", protocol(["constructor"]), "UNSUPPORTED_FEATURE"],
  ];
  for (const [name, value, code] of bad) {
    test(`${name} is refused`, () => refuses(() => checkProtocolKnown(value), { code }));
  }
  test("messages say which way it is wrong", () => {
    const code = "DELTA_INVALID_PROTOCOL_VERSION";
    const shape = (value: Protocol, message: RegExp) => refuses(() => checkProtocolShape(value, AT), { code, message });
    shape({ ...legacy(3, 7), writerFeatures: [] }, /readerFeatures must be present/);
    shape({ ...legacy(1, 7), readerFeatures: [], writerFeatures: [] }, /readerFeatures must be absent/);
    shape(legacy(1, 7), /writerFeatures must be present/);
    shape({ ...legacy(1, 2), writerFeatures: [] }, /writerFeatures must be absent/);
    const downgrade = (after: Protocol, message: RegExp) =>
      refuses(() => checkProtocolUpgrade(legacy(2, 5), after, AT), {
        code: "DELTA_INVALID_PROTOCOL_DOWNGRADE",
        message,
      });
    downgrade(legacy(1, 5), /a version number goes down/);
    downgrade(legacy(2, 4), /it drops "columnMapping"/);
  });
  test("the message names every unknown feature", () => {
    refuses(() => checkProtocolKnown(protocol(["a"])), { code: "UNSUPPORTED_FEATURE", message: /the feature "a"/ });
    refuses(() => checkProtocolKnown(protocol(["b", "appendOnly", "a"])), {
      code: "UNSUPPORTED_FEATURE",
      message: /"b", "a"/,
    });
  });

  test("version numbers imply features; from writer version 7 on only the list counts", () => {
    assert.deepEqual([...supportedFeatures(legacy(1, 1))], []);
    assert.deepEqual([...supportedFeatures(legacy(1, 3))], ["appendOnly", "invariants", "checkConstraints"]);
    assert.equal(supportedFeatures(legacy(2, 6)).size, 7);
    assert.deepEqual([...supportedFeatures(protocol(["appendOnly"]))], ["appendOnly"]);
  });
  test("edge 35: timestampWithoutTimezone is timestampNtz", () => {
    checkProtocolKnown(protocol([], ["timestampWithoutTimezone"]));
    assert.deepEqual([...supportedFeatures(protocol([], ["timestampWithoutTimezone"]))], ["timestampNtz"]);
    assert.equal(knownFeature("timestampWithoutTimezone"), FEATURES.timestampNtz);
  });
});

describe("edge 36: a protocol after another", () => {
  const code = "DELTA_INVALID_PROTOCOL_DOWNGRADE";
  const base = protocol(["appendOnly", "invariants"]);
  const full = ["appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"];
  const good: readonly [string, Protocol, Protocol][] = [
    ["the same", base, base],
    ["a feature more", base, protocol(["appendOnly", "invariants", "domainMetadata"])],
    ["a reader feature more", base, protocol(["appendOnly", "invariants"], ["deletionVectors"])],
    ["(1, 2) to (1, 7) with all that it implied", legacy(1, 2), base],
    ["(1, 2) to (1, 4)", legacy(1, 2), legacy(1, 4)],
    ["(2, 5) to (3, 7)", legacy(2, 5), protocol(full, ["columnMapping"])],
  ];
  for (const [name, before, after] of good) test(`${name} is taken`, () => checkProtocolUpgrade(before, after, AT));

  const bad: readonly [string, Protocol, Protocol, string][] = [
    ["a lower writer version", legacy(1, 4), legacy(1, 3), code],
    [
      "a lower reader version",
      protocol([], ["v2Checkpoint"]),
      protocol(["v2Checkpoint"]),
      "DELTA_INVALID_PROTOCOL_VERSION",
    ],
    ["a lower reader version, with its features", protocol(["appendOnly"], []), legacy(1, 2), code],
    ["a feature less", base, protocol(["appendOnly"]), code],
    ["(1, 3) to (1, 7) without checkConstraints", legacy(1, 3), base, code],
    ["an unknown feature", base, protocol(["appendOnly", "invariants", "someFeature"]), "UNSUPPORTED_FEATURE"],
    [
      "the old name of a feature",
      base,
      protocol(["appendOnly", "invariants"], ["timestampWithoutTimezone"]),
      "DELTA_INVALID_PROTOCOL_VERSION",
    ],
    ["a malformed one", base, legacy(3, 7), "DELTA_INVALID_PROTOCOL_VERSION"],
  ];
  for (const [name, before, after, expected] of bad) {
    test(`${name} is refused`, () => refuses(() => checkProtocolUpgrade(before, after, AT), { code: expected }));
  }
});

interface Activation {
  readonly configuration?: Metadata["configuration"];
  readonly columns?: readonly JsonObject[];
}
/** For every feature that can be idle: what makes it active. */
const ACTIVATION: Readonly<Record<string, Activation>> = {
  appendOnly: { configuration: { "delta.appendOnly": "TRUE" } },
  invariants: { columns: [field("a", "long", { "delta.invariants": "a > 0" })] },
  checkConstraints: { configuration: { "delta.constraints.positive": "a > 0" } },
  changeDataFeed: { configuration: { "delta.enableChangeDataFeed": "true" } },
  generatedColumns: { columns: [field("a", "long", { "delta.generationExpression": "b + 1" })] },
  allowColumnDefaults: {
    columns: [field("s", { type: "struct", fields: [field("a", "long", { CURRENT_DEFAULT: "1" })] })],
  },
  identityColumns: { columns: [field("a", "long", { "delta.identity.start": 1 })] },
  columnMapping: { configuration: { "delta.columnMapping.mode": "name" } },
  deletionVectors: { configuration: { "delta.enableDeletionVectors": "true" } },
  rowTracking: { configuration: { "delta.enableRowTracking": "true" } },
  inCommitTimestamp: { configuration: { "delta.enableInCommitTimestamps": "true" } },
  timestampNtz: { columns: [field("m", { type: "map", keyType: "string", valueType: "timestamp_ntz" })] },
  typeWidening: { configuration: { "delta.enableTypeWidening": "true" } },
  "typeWidening-preview": { configuration: { "delta.enableTypeWidening": "true" } },
  variantType: { columns: [field("a", { type: "array", elementType: "variant" })] },
  "variantType-preview": { columns: [field("v", "variant")] },
  variantShredding: { configuration: { "delta.enableVariantShredding": "true" } },
  "variantShredding-preview": { configuration: { "delta.enableVariantShredding": "true" } },
  v2Checkpoint: { configuration: { "delta.checkpointPolicy": "v2" } },
  icebergCompatV1: { configuration: { "delta.enableIcebergCompatV1": "true" } },
  icebergCompatV2: { configuration: { "delta.enableIcebergCompatV2": "true" } },
};
const IDLE = metadata({ configuration: { "delta.appendOnly": "false", "delta.columnMapping.mode": "none" } });

function table({ configuration = {}, columns = [] }: Activation): Metadata {
  return metadata({ configuration, schemaString: schemaString(field("id"), ...columns) });
}
function write(name: string, value: Metadata, declared: readonly string[] = []): void {
  const everything = { ...legacy(3, 7), readerFeatures: [], writerFeatures: [name] };
  checkWritable(tableConfiguration(everything, value), new Set(declared), AT);
}

describe("features", () => {
  for (const [name, { duty, isActive: canBeIdle }] of Object.entries(FEATURES)) {
    const active = table(ACTIVATION[name] ?? {});
    test(`${name} is active when it should be`, () => {
      assert.equal(canBeIdle !== undefined, ACTIVATION[name] !== undefined, "the table above knows every feature");
      assert.ok(isActive(name, tableConfiguration(protocol([name]), active)));
      assert.equal(isActive(name, tableConfiguration(protocol([name]), IDLE)), canBeIdle === undefined);
      assert.ok(!isActive(name, tableConfiguration(protocol([]), active)), "the protocol must list it");
    });
    const expected = { code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE" };
    if (duty === "service") test(`${name}: a writer need not declare it`, () => write(name, active));
    if (duty === "writer") {
      test(`${name}: a writer must declare it once it is active`, () => {
        refuses(() => write(name, active), {
          ...expected,
          at: `${AT}/supportedFeatures`,
          message: new RegExp(`"${name}"`),
        });
        write(name, active, [name]);
        if (canBeIdle) write(name, IDLE);
      });
    }
    if (duty === "readOnly") {
      test(`${name}: nobody can write`, () => refuses(() => write(name, active, [name]), { ...expected, at: AT }));
    }
  }

  test("edge 36: a table with a feature that we do not know takes no commit, whatever is declared", () => {
    refuses(() => write("someFeature", IDLE, ["someFeature"]), { code: "UNSUPPORTED_FEATURE" });
  });
});
