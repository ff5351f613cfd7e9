/** Contract of the row checks: what only the rows can tell, each reason of a rejection. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommitOutcome, Rejection } from "../../lib/ports.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import {
  add,
  commitNext,
  commitOf,
  dv,
  livePaths,
  newTable,
  type Plan,
  remove,
  stateOf,
} from "../support/catalog-plans.ts";

interface Case {
  readonly name: string;
  /** Commits after version 0, which holds live, other and dv1 (with deletion vector 1). */
  readonly winners: readonly Plan["actions"][];
  readonly mine: Plan["actions"];
  readonly readVersion?: number;
  /** Absent: it commits. */
  readonly rejected?: readonly Omit<Rejection, "tableId">[];
}

const BASE = [add("live"), add("other"), add("dv1", { deletionVector: dv("1") })];
const withDv = (n: string) => ({ deletionVector: dv(n) });

const CASES: readonly Case[] = [
  { name: "remove of a live file", winners: [], mine: { removes: [remove("live")] } },
  {
    name: "remove of a file that never was",
    winners: [{ adds: [add("x")] }],
    mine: { removes: [remove("never")] },
    rejected: [{ path: "never", reason: "removeNotLive", version: 1 }],
  },
  {
    name: "remove of a file removed before the read",
    winners: [{ removes: [remove("live")] }],
    readVersion: 1,
    mine: { removes: [remove("live")] },
    rejected: [{ path: "live", reason: "removeNotLive", version: 1 }],
  },
  {
    name: "remove of a file that a winner removed",
    winners: [{ adds: [add("x")] }, { removes: [remove("live")] }, {}],
    mine: { removes: [remove("live")] },
    rejected: [{ path: "live", reason: "removedByWinner", version: 2 }],
  },
  {
    name: "remove of a file whose deletion vector a winner changed",
    winners: [{ removes: [remove("live")], adds: [add("live", withDv("2"))] }],
    mine: { removes: [remove("live")] },
    rejected: [{ path: "live", reason: "removedByWinner", version: 1 }],
  },
  {
    name: "remove with another deletion vector",
    winners: [],
    mine: { removes: [remove("dv1", withDv("9")), remove("live", withDv("9")), remove("dv1")] },
    rejected: ["dv1", "live", "dv1"].map((path) => ({ path, reason: "removeOtherDeletionVector", version: 0 })),
  },
  {
    name: "remove of a file that a winner added",
    winners: [{ adds: [add("new")] }],
    mine: { removes: [remove("new")] },
    rejected: [{ path: "new", reason: "addedByWinner", version: 1 }],
  },
  { name: "add of a new path", winners: [{ adds: [add("x")] }], mine: { adds: [add("y")] } },
  {
    name: "add that changes the deletion vector",
    winners: [],
    mine: { removes: [remove("dv1", withDv("1"))], adds: [add("dv1", withDv("2"))] },
  },
  { name: "add of the same file again", winners: [], mine: { adds: [add("live", { stats: "{}" })] } },
  {
    name: "add of a path removed before the read",
    winners: [{ removes: [remove("live")] }],
    readVersion: 1,
    mine: { adds: [add("live")] },
  },
  {
    name: "add of a path that a winner added and removed",
    winners: [{ adds: [add("x")] }, { removes: [remove("x")] }],
    mine: { adds: [add("x")] },
    rejected: [{ path: "x", reason: "addedByWinner", version: 1 }],
  },
  {
    name: "add of a path that a winner removed, and others added and removed again",
    winners: [{ removes: [remove("live")] }, { adds: [add("live")] }, { removes: [remove("live")] }],
    mine: { adds: [add("live")] },
    rejected: [{ path: "live", reason: "addedByWinner", version: 1 }],
  },
  {
    name: "add over a live path with another deletion vector",
    winners: [],
    mine: { adds: [add("live", withDv("3"))], removes: [remove("other")] },
    rejected: [{ path: "live", reason: "addOverLive", version: 0 }],
  },
  {
    name: "another spelling of a live path",
    winners: [],
    mine: { adds: [add("l%69ve")], removes: [remove("oth%65r")] },
    rejected: [
      { path: "oth%65r", reason: "otherSpelling", version: 0 },
      { path: "l%69ve", reason: "otherSpelling", version: 0 },
    ],
  },
  {
    name: "another spelling of a path that the commit takes away, with another deletion vector",
    winners: [],
    mine: { removes: [remove("dv1", withDv("1"))], adds: [add("%64v1", withDv("2"))] },
  },
  {
    name: "add of a path that a winner added, too",
    winners: [{ adds: [add("new")] }],
    mine: { adds: [add("new"), add("live", { stats: "{}" })] },
    rejected: [{ path: "new", reason: "addedByWinner", version: 1 }],
  },
  {
    name: "add of a file that a winner added again",
    winners: [{ adds: [add("live", { stats: "{}" })] }],
    mine: { adds: [add("live")] },
    rejected: [{ path: "live", reason: "addedByWinner", version: 1 }],
  },
  {
    name: "add of a file that a winner removed",
    winners: [{ removes: [remove("live")] }],
    mine: { adds: [add("live")] },
    rejected: [{ path: "live", reason: "addedByWinner", version: 1 }],
  },
  {
    name: "change of a deletion vector that a winner changed",
    winners: [{ removes: [remove("dv1", withDv("1"))], adds: [add("dv1", withDv("2"))] }],
    mine: { removes: [remove("dv1", withDv("1"))], adds: [add("dv1", withDv("3"))] },
    rejected: [
      { path: "dv1", reason: "removedByWinner", version: 1 },
      { path: "dv1", reason: "addedByWinner", version: 1 },
    ],
  },
];

export function rowContract({ catalog }: CatalogUnderTest): void {
  for (const { name, winners, mine, readVersion, rejected } of CASES) {
    test(`${name}: ${rejected ? "rejected" : "committed"}`, async () => {
      const tableId = await newTable(catalog(), BASE);
      for (const actions of winners) await commitNext(catalog(), tableId, { actions: actions ?? {} });
      const outcome = await commitOf(catalog(), tableId, { readVersion: readVersion ?? 0, actions: mine ?? {} });
      const head = await stateOf(catalog(), tableId);
      if (rejected === undefined) {
        assert.equal(outcome.status, "committed", JSON.stringify(outcome));
        assert.equal(head.version, winners.length + 1);
      } else {
        const rejections = rejected.map((rejection) => ({ tableId, ...rejection }));
        assert.deepEqual(outcome, { status: "rejected", rejections } satisfies CommitOutcome);
        assert.equal(head.version, winners.length);
      }
      const live = await livePaths(catalog(), tableId, head.version);
      assert.equal(live.length, head.numFiles);
      assert.equal(head.sizeInBytes, 100 * live.length);
    });
  }

  test("rejections are counted out: 20 removes and 20 adds of each table", async () => {
    const tables = [await newTable(catalog(), [add("p")]), await newTable(catalog())];
    const removes = Array.from({ length: 30 }, (_, i) => remove(`none-${i}`));
    const adds = Array.from({ length: 30 }, () => add("p", { deletionVector: dv(crypto.randomUUID()) }));
    const plans = tables.map((tableId) => ({ tableId, plan: { actions: { removes, adds } } }));
    const first = await commitOf(catalog(), plans[0]?.tableId ?? "", plans[0]?.plan ?? {});
    assert.equal(first.status === "rejected" && first.rejections.length, 40);
    const second = await commitOf(catalog(), plans[1]?.tableId ?? "", plans[1]?.plan ?? {});
    assert.deepEqual(
      second.status === "rejected" && second.rejections.map((r) => r.path),
      removes.slice(0, 20).map((r) => r.path),
    );
  });
}
