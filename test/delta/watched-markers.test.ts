/** ARCHITECTURE.md D3: a winner that conflicts always moves a marker that the commit watches, so that no conflict is ever lost. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Commit, CommitActions } from "../../lib/delta/actions.ts";
import { findConflict } from "../../lib/delta/conflicts.ts";
import { planTable } from "../../lib/delta/plan-commit.ts";
import type { TableCommit } from "../../lib/delta/request.ts";
import type { MarkerName } from "../../lib/delta/table.ts";
import {
  actions,
  add,
  commit,
  metadata,
  protocol,
  remove,
  TRANSACTION_ID,
  tableCommit,
  tableState,
} from "../support/builders.ts";

const PATHS = ["f1", "f2", "f%3a3", "f%3A3"];
const path = fc.constantFrom(...PATHS);
const subset = <T>(...items: readonly T[]) => fc.subarray([...items]);

/** The rules are checked in an order: what the first ones catch must be rare, or the last ones are hardly ever reached. */
const rarely = <T>(...items: readonly T[]): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...items) });

const someActions: fc.Arbitrary<CommitActions> = fc
  .record({
    files: fc.uniqueArray(fc.record({ path, adds: fc.boolean(), dataChange: fc.boolean() }), {
      selector: (file) => file.path.toLowerCase(),
      maxLength: 3,
    }),
    sameDataChange: fc.option(fc.boolean()),
    metadata: rarely(metadata({ name: "n" }), metadata({ configuration: { "delta.constraints.c": "id > 0" } })),
    protocol: rarely(protocol(["appendOnly", "invariants", "domainMetadata", "checkConstraints"])),
    txns: rarely(["a"], ["b"], ["a", "b"]).map((txns) => txns ?? []),
    domains: rarely(["d"], ["e"], ["d", "e"]).map((domains) => domains ?? []),
    others: subset({ foo: 1 }),
    commitInfo: fc.constantFrom(undefined, undefined, { isBlindAppend: false }, { operation: "X" }),
  })
  .map(({ files, sameDataChange, txns, domains, metadata, protocol, commitInfo, others }) => {
    const change = (file: { readonly dataChange: boolean }) => ({ dataChange: sameDataChange ?? file.dataChange });
    return actions({
      adds: files.filter((file) => file.adds).map((file) => add(file.path, change(file))),
      removes: files.filter((file) => !file.adds).map((file) => remove(file.path, change(file))),
      txns: txns.map((appId) => ({ appId, version: 1 })),
      domains: domains.map((domain) => ({ domain, configuration: "", removed: false })),
      others,
      ...(metadata && { metadata }),
      ...(protocol && { protocol }),
      ...(commitInfo && { commitInfo }),
    });
  });

const request: fc.Arbitrary<TableCommit> = fc
  .record({
    some: someActions,
    reads: fc.option(
      fc.record(
        { wholeTable: fc.boolean(), files: fc.uniqueArray(path, { maxLength: 2 }), appIds: subset("a", "b") },
        { requiredKeys: [] },
      ),
    ),
    isolationLevel: fc.option(fc.constantFrom("Serializable" as const, "WriteSerializable" as const)),
  })
  .map(({ some, reads, isolationLevel }) =>
    tableCommit(some, {
      ...(reads && { reads }),
      ...(isolationLevel && { isolationLevel }),
      supportedFeatures: { writer: ["checkConstraints"] },
    }),
  );

const CONSTRAINED = protocol(["appendOnly", "invariants", "domainMetadata", "checkConstraints"]);
const plan = (mine: TableCommit) => planTable(tableState({ protocol: CONSTRAINED }), mine, TRANSACTION_ID, 0);

/** A winner is either what the planner made of a request, or a commit of unknown origin. */
const winner: fc.Arbitrary<Commit> = fc.oneof(
  request.map((theirs) => ({ ...commit(), actions: plan(theirs).planned.actions })),
  fc
    .tuple(someActions, fc.constantFrom(undefined, {}, { isBlindAppend: true }, { isBlindAppend: false }))
    .map(([some, commitInfo]) => ({ ...commit(), actions: { ...some, ...(commitInfo && { commitInfo }) } })),
);

/** What the statement writes into the head when this commit wins (lib/catalog). */
function moved({ actions: won }: Commit): MarkerName[] {
  const when = (name: MarkerName, holds: boolean) => (holds ? [name] : []);
  return [
    ...when("metadata", won.metadata !== undefined),
    ...when("protocol", won.protocol !== undefined),
    ...when("add", won.adds.length > 0),
    ...when("nonBlindAdd", won.adds.length > 0 && won.commitInfo?.isBlindAppend !== true),
    ...when("remove", won.removes.length > 0),
    ...when("txn", won.txns.length > 0),
    ...when(
      "domain",
      won.domains.some((d) => d.domain !== "delta.rowTracking"),
    ),
  ];
}

test("every conflict but delete-delete moves a watched marker; delete-delete is seen in the rows", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(request, winner, (mine, won) => {
      const { intent, planned } = plan(mine);
      const conflict = findConflict(intent, [won]);
      seen.set(conflict?.code ?? "none", (seen.get(conflict?.code ?? "none") ?? 0) + 1);
      if (conflict === undefined) return;
      if (conflict.code === "DELTA_CONCURRENT_DELETE_DELETE") {
        const removes = mine.actions.removes.map((file) => decodeURIComponent(file.path));
        assert.ok(removes.includes(decodeURIComponent(conflict.path ?? "")), "the statement looks my removes up");
        return;
      }
      const watched = moved(won).filter((name) => planned.watch.includes(name));
      assert.notEqual(watched.length, 0, `${conflict.code}: moved ${moved(won)}, watched ${planned.watch}`);
    }),
    { numRuns: 5000 },
  );
  for (const code of [
    "none",
    ...[
      "PROTOCOL_CHANGED",
      "METADATA_CHANGED",
      "CONCURRENT_TRANSACTION",
      "CONCURRENT_APPEND",
      "CONCURRENT_DELETE_READ",
      "CONCURRENT_DELETE_DELETE",
    ].map((c) => `DELTA_${c}`),
  ]) {
    assert.ok((seen.get(code) ?? 0) > 10, `too few cases of ${code}: ${seen.get(code)}`);
  }
});

test("nothing is watched twice, and a blind append watches metaData and protocol alone", () => {
  assert.deepEqual(plan(tableCommit({ adds: [add()] })).planned.watch, ["metadata", "protocol"]);
  fc.assert(
    fc.property(request, (mine) => {
      const { watch } = plan(mine).planned;
      assert.equal(new Set(watch).size, watch.length);
    }),
  );
});

const watches: readonly [string, TableCommit, readonly MarkerName[]][] = [
  ["a read of the table", tableCommit({ adds: [add()] }, { reads: { wholeTable: true } }), ["remove", "add"]],
  [
    "a read of the table at WriteSerializable",
    tableCommit({ adds: [add()] }, { reads: { wholeTable: true }, isolationLevel: "WriteSerializable" }),
    ["remove", "nonBlindAdd"],
  ],
  [
    "metaData with a read of the table at WriteSerializable",
    tableCommit({ metadata: metadata() }, { reads: { wholeTable: true }, isolationLevel: "WriteSerializable" }),
    ["remove", "add"],
  ],
  ["a rearrangement of the table", tableCommit({ removes: [remove("f", { dataChange: false })] }), ["remove"]],
  ["a read of files", tableCommit({ adds: [add()] }, { reads: { files: ["f"] } }), ["remove"]],
  ["a txn", tableCommit({ txns: [{ appId: "a", version: 1 }] }), ["txn"]],
  ["a read of an application", tableCommit({ adds: [add()] }, { reads: { appIds: ["a"] } }), ["txn"]],
  [
    "a domain",
    tableCommit({ domains: [{ domain: "d", configuration: "", removed: false }] }, { reads: {} }),
    ["domain"],
  ],
];
for (const [name, mine, expected] of watches) {
  test(`${name} watches ${expected.join(" and ")}, and metaData and protocol as always`, () => {
    assert.deepEqual(plan(mine).planned.watch, ["metadata", "protocol", ...expected]);
  });
}
