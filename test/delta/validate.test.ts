/** The rules that a commit's actions other than files must keep, whoever else commits. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CommitActions, Metadata, Protocol } from "../../lib/delta/actions.ts";
import { parseJson } from "../../lib/delta/values/json.ts";
import { actions, metadata, protocol, refuses } from "../support/builders.ts";
import { checkCommit } from "../support/check-commit.ts";

const AT = "/tables/3";
interface Table {
  readonly protocol?: Protocol;
  readonly metadata?: Partial<Metadata>;
  readonly declared?: readonly string[];
}
function check(some: Partial<CommitActions>, table: Table = {}): void {
  checkCommit(actions(some), {
    protocol: table.protocol ?? protocol(["appendOnly", "invariants"]),
    metadata: metadata(table.metadata),
    declared: new Set(table.declared),
    at: AT,
  });
}
const duplicate = { code: "DELTA_DUPLICATE_ACTIONS_FOUND", at: AT };

describe("protocol and features", () => {
  test("edge 36: a downgrade is refused, an upgrade is taken", () => {
    check({ protocol: protocol(["appendOnly", "invariants", "domainMetadata"]) });
    refuses(() => check({ protocol: protocol(["appendOnly"]) }), {
      code: "DELTA_INVALID_PROTOCOL_DOWNGRADE",
      at: `${AT}/protocol`,
    });
  });
  test("a feature about rows must be declared by the writer, once it is active", () => {
    const table: Table = {
      protocol: protocol(["checkConstraints"]),
      metadata: { configuration: { mine: "x", "delta.constraints.c": "id > 0" } },
    };
    const expected = { code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", at: `${AT}/supportedFeatures` };
    refuses(() => check({}, table), expected);
    check({}, { ...table, declared: ["checkConstraints"] });
  });
});

describe("txn, domainMetadata and the rest", () => {
  const DOMAINS = { protocol: protocol(["domainMetadata"]) };
  const domain = (name: string) => ({ domain: name, configuration: "{}", removed: false });
  test("edge 39: one txn twice is one; two versions of one application are refused", () => {
    check({
      txns: [
        { appId: "a", version: 1 },
        { appId: "a", version: 1 },
        { appId: "b", version: 2 },
      ],
    });
    refuses(
      () =>
        check({
          txns: [
            { appId: "a", version: 1 },
            { appId: "a", version: 2 },
          ],
        }),
      duplicate,
    );
    refuses(
      () =>
        check({
          txns: [
            { appId: "a", version: 2n ** 53n },
            { appId: "a", version: 2n ** 53n + 1n },
          ],
        }),
      duplicate,
    );
  });
  test("edge 48: a domain of one's own is taken, set or removed; the table needs the feature", () => {
    check({ domains: [domain("mine"), { ...domain("deltaX"), removed: true }] }, DOMAINS);
    refuses(() => check({ domains: [domain("mine")] }), { code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", at: AT });
  });
  test("edge 48: delta.* domains need their features", () => {
    for (const name of ["delta.rowTracking", "delta.clustering", "delta.x"]) {
      refuses(() => check({ domains: [domain(name)] }, DOMAINS), { code: "DELTA_INVALID_DOMAIN" });
    }
  });
  test("one action per domain", () => {
    const code = "DELTA_DUPLICATE_DOMAIN_METADATA_INTERNAL_ERROR";
    refuses(() => check({ domains: [domain("a"), { ...domain("a"), removed: true }] }, DOMAINS), { code, at: AT });
  });
  test("actions of checkpoints are refused, unknown ones are taken (edge 30)", () => {
    for (const name of ["sidecar", "checkpointMetadata", "checkpoint"]) {
      refuses(() => check({ others: [{ [name]: {} }] }), { at: AT });
    }
    check({ others: [{ foo: {} }] });
  });
  test("a cdc file has a path and changes no data", () => {
    const cdc = { path: "_change_data/f", partitionValues: {}, size: 1, dataChange: false };
    check({ others: [{ cdc }] });
    for (const [wrong, at] of [
      [{ ...cdc, dataChange: true }, AT],
      [{ ...cdc, path: "a b" }, AT],
      [{ ...cdc, path: 1 }, `${AT}/path`],
      [{ ...cdc, size: "1" }, `${AT}/size`],
      [{ ...cdc, tags: { a: 1 } }, `${AT}/tags/a`],
      [5, AT],
      [null, AT],
    ] as const) {
      refuses(() => check({ others: [{ cdc: wrong }] }), { at });
    }
  });
  test("commitInfo is free, but what readers know has the type that they expect", () => {
    check({
      commitInfo: {
        timestamp: 1,
        operation: "WRITE",
        operationParameters: { a: 1 },
        mine: [1, { a: null }],
        userMetadata: null,
      },
    });
    for (const [name, value] of [
      ["timestamp", "1"],
      ["timestamp", parseJson("1.0")],
      ["operation", 1],
      ["operationParameters", "x"],
      ["operationMetrics", []],
      ["engineInfo", {}],
    ] as const) {
      refuses(() => check({ commitInfo: { [name]: value } }), { at: `${AT}/commitInfo/${name}` });
    }
  });
  test("edge 28: no actions are taken", () => assert.doesNotThrow(() => check({})));
});
