/** Domains of Delta itself that writers send: row tracking's high-water mark and clustering columns. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { planTable } from "../../lib/delta/plan-commit.ts";
import {
  actions,
  add,
  field,
  metadata,
  protocol,
  refuses,
  schemaString,
  TRANSACTION_ID,
  tableCommit,
  tableState,
} from "../support/builders.ts";
import { checkCommit } from "../support/check-commit.ts";

const FEATURES = ["appendOnly", "invariants", "domainMetadata", "rowTracking", "clustering"];
const DOMAIN_ERROR = { code: "DELTA_INVALID_DOMAIN" };
const struct = { type: "struct", fields: [field("x"), field("deep", "string")] };
const TABLE = metadata({
  schemaString: schemaString(field("id"), field("part", "string"), field("s", struct), field("v", "variant")),
});

function send(domain: string, configuration: unknown, more: { features?: readonly string[]; removed?: boolean } = {}) {
  const text = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
  checkCommit(actions({ domains: [{ domain, configuration: text, removed: more.removed ?? false }] }), {
    protocol: protocol(more.features ?? FEATURES, ["variantType"]),
    metadata: TABLE,
    declared: new Set(["clustering", "variantType"]),
    at: "/tables/0",
  });
}

describe("delta.rowTracking", () => {
  const mark = (rowIdHighWaterMark: unknown) => ({ rowIdHighWaterMark });
  test("is taken when it is one", () => {
    for (const value of [-1, 0, 41]) send("delta.rowTracking", mark(value));
    send("delta.rowTracking", '{"rowIdHighWaterMark":9007199254740993}');
  });
  for (const wrong of [mark(-2), mark("7"), mark(1.5), mark(null), {}, [], 7, "", "{", '{"rowIdHighWaterMark":1e30}']) {
    test(`${JSON.stringify(wrong)} is refused`, () => refuses(() => send("delta.rowTracking", wrong), DOMAIN_ERROR));
  }
  test("needs its feature, and stays", () => {
    refuses(() => send("delta.rowTracking", mark(1), { features: ["domainMetadata"] }), DOMAIN_ERROR);
    refuses(() => send("delta.rowTracking", mark(1), { removed: true }), DOMAIN_ERROR);
  });
  test("leaves an append blind, and the mark to the commit", () => {
    const domains = [{ domain: "delta.rowTracking", configuration: '{"rowIdHighWaterMark":9}', removed: false }];
    const adds = [add("a", { stats: '{"numRecords":10}' })];
    const state = tableState({ protocol: protocol(FEATURES), metadata: metadata() });
    const request = tableCommit({ adds, domains }, { supportedFeatures: { writer: ["clustering"] } });
    const { planned } = planTable(state, request, TRANSACTION_ID, 0);
    assert.equal(planned.isBlindAppend, true);
    assert.deepEqual(planned.actions.domains, []);
    assert.ok(planned.assignRowIds && !planned.watch.includes("domain"));
  });
});

describe("delta.clustering", () => {
  const by = (...clusteringColumns: unknown[]) => ({ clusteringColumns, domainName: "delta.clustering" });
  test("columns by their physical names, nested ones too, or none", () => {
    for (const right of [by(["id"]), by(["id"], ["part"]), by(["s", "deep"]), by()]) send("delta.clustering", right);
    send("delta.clustering", by(["gone"]), { removed: true });
  });
  const wrong: readonly unknown[] = [
    by(["nope"]),
    by(["ID"]),
    by(["s"]),
    by(["v"]),
    by(["s", "nope"]),
    by(["id", "x"]),
    by([]),
    by("id"),
    by([1]),
    by(["id"], ["id"]),
    by(["id"], ["part"], ["s", "x"], ["s", "deep"], ["more"]),
    { clusteringColumns: "id" },
    {},
    [],
    "",
  ];
  for (const configuration of wrong) {
    test(`${JSON.stringify(configuration)} is refused`, () =>
      refuses(() => send("delta.clustering", configuration), DOMAIN_ERROR));
  }
  test("needs its feature", () => {
    const features = ["domainMetadata"];
    refuses(() => send("delta.clustering", by(["id"]), { features }), DOMAIN_ERROR);
  });
});

test("any other delta.* domain is refused", () => {
  for (const domain of ["delta.other", "delta.rowtracking", "delta.clustering.more", "delta."]) {
    refuses(() => send(domain, {}), DOMAIN_ERROR);
  }
});
