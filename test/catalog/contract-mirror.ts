/** Contract of the outbox: which versions are unpublished, and for how long. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLakeError } from "../../lib/errors.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import { add, commitNext, id, newTable } from "../support/catalog-plans.ts";

const FAR = 8_000_000_000_000;

export function mirrorContract({ catalog }: CatalogUnderTest): void {
  const threeVersions = async () => {
    const tableId = await newTable(catalog());
    for (const path of ["a", "b"]) await commitNext(catalog(), tableId, { actions: { adds: [add(path)] } });
    return tableId;
  };

  test("every commit is unpublished until it is marked", async () => {
    const tableId = await threeVersions();
    const open = await catalog().unpublished(tableId, 2);
    assert.deepEqual(
      open.map((s) => [s.tableId, s.version, s.status, s.attempts]),
      [0, 1].map((version) => [tableId, version, "IN_FLIGHT", 0]),
    );
    assert.equal(await catalog().mirroredVersion(tableId), -1);
    await catalog().markPublished(tableId, [0, 1], 77);
    assert.equal(await catalog().mirroredVersion(tableId), 1);
    await catalog().markPublished(tableId, [0, 1, 2], 88);
    assert.equal(await catalog().mirroredVersion(tableId), 2);
    assert.deepEqual(await catalog().unpublished(tableId, 10), []);
    const first = await catalog().mirrorStatuses(tableId, { after: -1, limit: 2 });
    assert.deepEqual(
      first.items.map((s) => [s.version, s.status, s.publishedAt]),
      [
        [0, "COMPLETE", 77],
        [1, "COMPLETE", 77],
      ],
    );
    assert.equal(first.next, "1");
    const second = await catalog().mirrorStatuses(tableId, { after: 1, limit: 2 });
    assert.deepEqual(
      second.items.map((s) => [s.version, s.publishedAt]),
      [[2, 88]],
    );
    assert.equal(second.next, undefined);
    await assert.rejects(catalog().mirroredVersion(id()), (e) => isLakeError(e, "notFound"));
  });

  test("a mirror gets all that it needs at once: oldest first, no more versions than it asks for", async () => {
    const tableId = await threeVersions();
    await catalog().markMirrorError(tableId, 0, { code: "UNAVAILABLE", message: "x", failed: false, at: 1 });
    const backlog = await catalog().readBacklog(tableId, 2);
    assert.ok(backlog);
    const [head] = await catalog().readStates([{ tableId }]);
    assert.deepEqual(
      [backlog.location, backlog.numFiles, backlog.metadata, backlog.quarantine],
      [head?.location, 2, head?.metadata, undefined],
    );
    const { items } = await catalog().mirrorStatuses(tableId, { after: -1, limit: 2 });
    assert.deepEqual(
      backlog.open,
      items.map(({ version, committedAt, attempts }) => ({ version, committedAt, attempts })),
    );
    assert.deepEqual(
      backlog.open.map(({ version, attempts }) => [version, attempts]),
      [
        [0, 1],
        [1, 0],
      ],
    );
    assert.deepEqual(backlog.commits, await catalog().readCommits(tableId, 0, 1));
    await catalog().markPublished(tableId, [0, 1], 5);
    const rest = await catalog().readBacklog(tableId, 2);
    assert.deepEqual([rest?.open.map((o) => o.version), rest?.commits.map((c) => c.version)], [[2], [2]]);
    await catalog().markPublished(tableId, [2], 5);
    await catalog().setQuarantine(tableId, "a foreign commit");
    const done = await catalog().readBacklog(tableId, 2);
    assert.deepEqual([done?.open, done?.commits, done?.quarantine], [[], [], "a foreign commit"]);
    await catalog().dropTable(tableId, { unpublished: "giveUp" });
    assert.equal(await catalog().readBacklog(tableId, 2), undefined);
    assert.equal(await catalog().readBacklog("nonsense", 2), undefined);
  });

  test("the last parity check is kept, and a late one does not take its place", async () => {
    const tableId = await newTable(catalog());
    assert.equal(await catalog().readParity(tableId), undefined);
    assert.equal(await catalog().readParity("nonsense"), undefined);
    const first = { tableId, outcome: "ok", version: 3, logDigest: "d", checkedAt: 20, comparedAt: 10 } as const;
    await catalog().writeParity(first);
    assert.deepEqual(await catalog().readParity(tableId), first);
    await catalog().writeParity({ ...first, version: 2, checkedAt: 19 });
    assert.deepEqual(await catalog().readParity(tableId), first);
    const drift = { ...first, outcome: "drift", version: -1, checkedAt: 21, report: '{"ü":1}' } as const;
    await catalog().writeParity(drift);
    assert.deepEqual(await catalog().readParity(tableId), drift);
    await assert.rejects(catalog().writeParity({ ...first, tableId: "nonsense" }), (e) => isLakeError(e, "invalid"));
  });

  test("errors are counted; only a failed one changes the state; a published version has none", async () => {
    const tableId = await threeVersions();
    await catalog().markMirrorError(tableId, 0, {
      code: "UNAVAILABLE",
      message: "try \0 again",
      failed: false,
      at: 10,
    });
    await catalog().markMirrorError(tableId, 1, { code: "UNAVAILABLE", message: "lost", failed: true, at: 11 });
    await catalog().markMirrorError(tableId, 1, { code: "LOG_AHEAD", message: "lost again", failed: false, at: 12 });
    const open = await catalog().unpublished(tableId, 10);
    assert.deepEqual(
      open.map((s) => [s.status, s.attempts, s.lastError, s.errorCode]),
      [
        ["IN_FLIGHT", 1, "try \uFFFD again", "UNAVAILABLE"],
        ["FAILED", 2, "lost again", "LOG_AHEAD"],
        ["IN_FLIGHT", 0, undefined, undefined],
      ],
    );
    await catalog().markPublished(tableId, [1], 20);
    await catalog().markMirrorError(tableId, 1, { code: "UNAVAILABLE", message: "late", failed: true, at: 30 });
    const [, published] = (await catalog().mirrorStatuses(tableId, { after: -1, limit: 10 })).items;
    assert.deepEqual([published?.status, published?.attempts, published?.errorCode], ["COMPLETE", 2, undefined]);
  });

  test("what became of a published file is noted beside its version, which stays published", async () => {
    const tableId = await threeVersions();
    const noted = async () =>
      (await catalog().mirrorStatuses(tableId, { after: -1, limit: 10 })).items.map((s) => [s.status, s.errorCode]);
    await catalog().markPublished(tableId, [0, 1], 20);
    for (const version of [1, 2]) {
      await catalog().markLogFault(tableId, version, { code: "LOG_FILE_MISSING", message: "1 is gone" });
    }
    const before = [
      ["COMPLETE", undefined],
      ["COMPLETE", "LOG_FILE_MISSING"],
      ["IN_FLIGHT", undefined],
    ];
    assert.deepEqual(await noted(), before);
    assert.equal(await catalog().mirroredVersion(tableId), 1);
    await catalog().markLogFault(tableId, 1, undefined);
    assert.deepEqual((await noted())[1], ["COMPLETE", undefined]);
  });

  test("a table is overdue by its oldest unpublished version, not while quarantined or dropped", async () => {
    const tableId = await threeVersions();
    const overdue = async (before: number) =>
      (await catalog().overdueTables(before, 1000)).filter((t) => t.tableId === tableId).map((t) => t.version);
    await catalog().markPublished(tableId, [0], 5);
    const [committed] = await catalog().unpublished(tableId, 1);
    const committedAt = committed?.committedAt ?? 0;
    assert.deepEqual(await overdue(committedAt), []);
    assert.deepEqual(await overdue(committedAt + 1), [1]);
    await catalog().markMirrorError(tableId, 1, { code: "UNAVAILABLE", message: "x", failed: true, at: FAR });
    assert.deepEqual(await overdue(FAR), []);
    assert.deepEqual(await overdue(FAR + 1), [1]);
    await catalog().setQuarantine(tableId, "foreign commit at 1");
    assert.equal((await catalog().findTable({ tableId }))?.quarantine, "foreign commit at 1");
    assert.deepEqual(await overdue(FAR + 1), []);
    await catalog().setQuarantine(tableId, undefined);
    assert.ok(!("quarantine" in ((await catalog().findTable({ tableId })) ?? {})));
    assert.deepEqual(await overdue(FAR + 1), [1]);
    assert.equal((await catalog().overdueTables(FAR + 1, 1)).length, 1);
    await catalog().dropTable(tableId, { unpublished: "giveUp" });
    assert.deepEqual(await overdue(FAR + 1), []);
  });

  test("a drop counts what is unpublished, and drops nothing until that is published or given up", async () => {
    const tableId = await threeVersions();
    await catalog().markPublished(tableId, [0], 5);
    assert.deepEqual(await catalog().dropTable(tableId, { unpublished: "keep" }), { dropped: false, unpublished: 2 });
    assert.equal((await catalog().findTable({ tableId }))?.version, 2, "and it is there still");
    await catalog().markPublished(tableId, [1, 2], 6);
    assert.deepEqual(await catalog().dropTable(tableId, { unpublished: "keep" }), { dropped: true, unpublished: 0 });
    await assert.rejects(catalog().dropTable(tableId, { unpublished: "keep" }), (e) => isLakeError(e, "notFound"));
    const other = await threeVersions();
    assert.deepEqual(await catalog().dropTable(other, { unpublished: "giveUp" }), { dropped: true, unpublished: 3 });
    assert.equal(await catalog().findTable({ tableId: other }), undefined);
  });
}
