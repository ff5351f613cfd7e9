/** Group commit, without a database: who goes with whom, who waits, and that no answer reaches another. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { groupCommits } from "../../lib/catalog/commit/groups.ts";
import type { CommitGroup, CommitRows, GroupAnswer } from "../../lib/catalog/commit/planned-rows.ts";
import { invalid, LakeError } from "../../lib/errors.ts";
import type { CommitOutcome } from "../../lib/ports.ts";
import { seeded } from "../support/random.ts";

let ids = 0;

/** @param adds rows that the request brings */
function request(tables: readonly string[], { adds = 1 } = {}): CommitRows {
  ids += 1;
  const transactionId = `t${ids}`;
  const rows = { removes: [], txns: [], domains: [], others: [], adds: Array.from({ length: adds }, () => ({})) };
  return {
    transactionId,
    requestHash: "",
    locks: [`transaction:${transactionId}`, ...tables.map((table) => `table:${table}`)],
    tables: tables.map((tableId) => ({ tableId, ...rows })),
  } as unknown as CommitRows;
}

function committed({ transactionId }: CommitRows): CommitOutcome {
  return { status: "committed", replayed: false, transactionId, committedAt: 0, tables: [] };
}

/** A database whose groups end when the test says so. */
function heldBack(concurrency = 2) {
  const groups: {
    readonly ids: readonly string[];
    readonly waits: boolean;
    end(answers?: readonly GroupAnswer[]): void;
  }[] = [];
  const commit = groupCommits(
    (group: Omit<CommitGroup, "database">) =>
      new Promise((resolve) => {
        groups.push({
          ids: group.requests.map(({ transactionId }) => transactionId),
          waits: group.waits,
          end: (answers) => resolve(answers ?? group.requests.map(committed)),
        });
      }),
    { concurrency },
  );
  return { commit, groups };
}

const names = (requests: readonly CommitRows[]) => requests.map(({ transactionId }) => transactionId);

describe("group commit", () => {
  test("what comes at once goes together, what comes meanwhile goes next", async () => {
    const { commit, groups } = heldBack();
    const first = [request(["a"]), request(["a"])];
    const answers = first.map(commit);
    await turn();
    const second = [request(["a"]), request(["a"]), request(["a"])];
    answers.push(...second.map(commit));
    await turn();
    assert.deepEqual(
      groups.map((group) => [group.ids, group.waits]),
      [[names(first), true]],
      "its table is under way",
    );
    groups[0]?.end();
    await turn();
    await turn();
    assert.deepEqual(groups[1]?.ids, names(second));
    groups[1]?.end();
    assert.deepEqual(
      (await Promise.all(answers)).map((answer) => answer.status === "committed" && answer.transactionId),
      names([...first, ...second]),
    );
  });

  test("requests of different tables share a group that waits for no lock; who is busy comes again with its table's others", async () => {
    const { commit, groups } = heldBack(1);
    const [a, b, c] = [request(["a"]), request(["b"]), request(["a"])];
    const answers = [a, b, c].map(commit);
    await turn();
    assert.deepEqual([groups[0]?.ids, groups[0]?.waits], [names([a, b, c]), false]);
    groups[0]?.end([{ status: "busy" }, committed(b), { status: "busy" }]);
    const later = [request(["d"]), request(["a"])];
    answers.push(...later.map(commit));
    await turn();
    await turn();
    groups[1]?.end();
    await turn();
    await turn();
    groups[2]?.end();
    await Promise.all(answers);
    const waiting = groups.find((group) => group.ids.includes(a.transactionId) && group !== groups[0]);
    assert.equal(waiting?.waits, true);
    assert.ok(waiting.ids.includes(c.transactionId) && !waiting.ids.includes(later[0]?.transactionId ?? ""));
  });

  test("a large request goes alone, a group has an end", async () => {
    const { commit, groups } = heldBack(1);
    const large = request(["b"], { adds: 5000 });
    const many = Array.from({ length: 100 }, () => request(["a"]));
    const answers = [request(["a"]), large, ...many].map(commit);
    for (let i = 0; i < 8; i += 1) {
      await turn();
      for (const group of groups) group.end();
    }
    await Promise.all(answers);
    assert.deepEqual(groups.find((group) => group.ids.includes(large.transactionId))?.ids, [large.transactionId]);
    assert.ok(groups.every((group) => group.ids.length <= 64));
    assert.ok(groups.length <= 4, "and is filled");
  });

  test("one request that fails the group fails alone", async () => {
    const bad = request(["a"]);
    const sizes: number[] = [];
    const commit = groupCommits(
      async ({ requests }) => {
        sizes.push(requests.length);
        if (requests.includes(bad)) throw invalid("no");
        return requests.map(committed);
      },
      { concurrency: 2 },
    );
    const good = [request(["a"]), request(["b"]), request(["a", "b"])];
    const results = await Promise.allSettled([...good, bad].map(commit));
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "fulfilled", "fulfilled", "rejected"],
    );
    assert.deepEqual(sizes, [4, 1, 1, 1, 1]);
  });

  test("where nobody knows what was written, nothing is sent again", async () => {
    let calls = 0;
    const commit = groupCommits(
      async () => {
        calls += 1;
        throw new LakeError("unavailable", "gone");
      },
      { concurrency: 2 },
    );
    const results = await Promise.allSettled([request(["a"]), request(["a"])].map(commit));
    assert.ok(results.every(({ status }) => status === "rejected"));
    assert.equal(calls, 1);
  });

  test("behind a database that does not answer nobody waits longer than for a turn", async () => {
    const commit = groupCommits(() => new Promise(() => undefined), { concurrency: 1, turnMs: 50 });
    void commit(request(["a"]));
    await turn();
    const startedAt = performance.now();
    const results = await Promise.allSettled([request(["a"]), request(["b"])].map(commit));
    assert.ok(performance.now() - startedAt < 2_000);
    for (const result of results) {
      assert.equal(result.status === "rejected" && (result.reason as LakeError).code, "DATABASE_OVERLOADED");
    }
  });

  test("whatever comes: each has one answer, its own; no two groups share a lock; a table keeps its order", async () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const random = seeded(seed);
      const order = new Map<string, string[]>();
      const held = new Set<string>();
      const commit = groupCommits(
        async ({ requests, waits }) => {
          const mine = new Set(requests.flatMap(({ locks }) => locks));
          for (const lock of mine) assert.ok(!held.has(lock), `seed ${seed}: ${lock} is held by another group`);
          for (const lock of mine) held.add(lock);
          for (let i = Math.floor(random() * 3); i >= 0; i -= 1) await turn();
          for (const lock of mine) held.delete(lock);
          if (random() < 0.1 && requests.length > 1) throw invalid("a bad one");
          return requests.map((each) => {
            if (!waits && random() < 0.2) return { status: "busy" };
            for (const { tableId } of each.tables)
              order.set(tableId, [...(order.get(tableId) ?? []), each.transactionId]);
            return committed(each);
          });
        },
        { concurrency: 1 + Math.floor(random() * 3) },
      );
      const all: CommitRows[] = [];
      const answers: Promise<CommitOutcome>[] = [];
      for (let i = 0; i < 60; i += 1) {
        const tables = ["a", "b", "c", "d"].filter(() => random() < 0.4);
        const next = request(tables.length > 0 ? tables : ["a"], { adds: random() < 0.1 ? 2000 : 1 });
        all.push(next);
        answers.push(commit(next));
        if (random() < 0.3) await turn();
      }
      const given = await Promise.all(answers);
      assert.deepEqual(
        given.map((answer) => answer.status === "committed" && answer.transactionId),
        names(all),
      );
      for (const done of order.values()) assert.equal(new Set(done).size, done.length, `seed ${seed}: twice`);
    }
  });
});
