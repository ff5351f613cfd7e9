/** Contract of the outbox: which versions are unpublished, and for how long. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_ACTIONS } from "../../lib/delta/actions.ts";
import { DRIFT_KINDS, healthOf, isStopped, STOPPED_STATES } from "../../lib/delta/health.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import { add, commitNext, creation, id, newTable, planned, plannedTable } from "../support/catalog-plans.ts";

const FAR = 8_000_000_000_000;

export function mirrorContract({ catalog }: CatalogUnderTest): void {
  const threeVersions = async () => {
    const tableId = await newTable(catalog());
    for (const path of ["a", "b"]) await commitNext(catalog(), tableId, { actions: { adds: [add(path)] } });
    return tableId;
  };

  const factsOf = async (tableId: string) => (await catalog().mirrorFacts([tableId]))[0];
  const isListed = async (tableId: string, which: "all" | "unsettled") => {
    let cursor: string | undefined;
    do {
      const page = await catalog().listMirrorFacts({ which, limit: 3, ...(cursor === undefined ? {} : { cursor }) });
      const found = page.items.find((facts) => facts.tableId === tableId);
      if (found) {
        assert.deepEqual({ ...found, now: 0 }, { ...(await factsOf(tableId)), now: 0 }, "the same facts in both");
        return true;
      }
      cursor = page.next;
    } while (cursor !== undefined);
    return false;
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
    await catalog().markLogFault(tableId, 1, { code: "LOG_FILE_MISSING", message: "1 is gone" });
    const fault = { code: "LOG_FILE_MISSING", reason: "1 is gone" };
    assert.deepEqual((await factsOf(tableId))?.fault, fault, "of the newest published version");
    await catalog().markPublished(tableId, [2], 21);
    assert.equal((await factsOf(tableId))?.fault, undefined, "which is another one now");
    await catalog().markLogFault(tableId, 2, { code: "LOG_FILE_MISSING", message: "1 is gone" });
    assert.deepEqual((await factsOf(tableId))?.fault, fault, "nothing is unpublished");
    assert.ok(await isListed(tableId, "unsettled"));
  });

  test("facts speak of the oldest unpublished version, whatever was committed after it", async () => {
    const tableId = await threeVersions();
    await catalog().markPublished(tableId, [0], 5);
    await catalog().markMirrorError(tableId, 1, { code: "UNAVAILABLE", message: "x", failed: true, at: FAR });
    const [open] = await catalog().unpublished(tableId, 1);
    const facts = await factsOf(tableId);
    assert.ok(facts && open);
    const { committedAt } = open;
    assert.deepEqual(facts.oldest, {
      version: 1,
      status: "FAILED",
      committedAt,
      attempts: 1,
      lastError: "x",
      errorCode: "UNAVAILABLE",
      triedAt: FAR,
    });
    const head = await catalog().findTable({ tableId });
    assert.deepEqual(
      [facts.table, facts.version, facts.quarantine, facts.parity],
      [head?.name, 2, undefined, undefined],
    );
    assert.ok(facts.now >= committedAt && facts.now < committedAt + 60_000, "by the clock of the commits");
    assert.ok(await isListed(tableId, "unsettled"));
    await catalog().markPublished(tableId, [1, 2], 6);
    assert.equal((await factsOf(tableId))?.oldest, undefined);
    assert.ok(!(await isListed(tableId, "unsettled")));
    assert.ok(await isListed(tableId, "all"));
    assert.deepEqual(await catalog().mirrorFacts(["nonsense", id()]), []);
    assert.deepEqual((await catalog().mirrorFacts([tableId, tableId])).length, 1);
  });

  test("a quarantine lasts until it is lifted; a dropped table has none", async () => {
    const tableId = await threeVersions();
    await catalog().setQuarantine(tableId, "version 9 \0 is in the log");
    await commitNext(catalog(), tableId, { actions: { adds: [add("later")] } });
    await catalog().markPublished(tableId, [0, 1, 2, 3], 5);
    const quarantine = "version 9 \uFFFD is in the log";
    assert.equal((await factsOf(tableId))?.quarantine, quarantine);
    assert.equal((await catalog().findTable({ tableId }))?.quarantine, quarantine);
    assert.ok(await isListed(tableId, "unsettled"), "though nothing is unpublished");
    await catalog().setQuarantine(tableId, undefined);
    assert.equal((await factsOf(tableId))?.quarantine, undefined);
    assert.ok(!("quarantine" in ((await catalog().findTable({ tableId })) ?? {})));
    assert.ok(!(await isListed(tableId, "unsettled")));
    await catalog().setQuarantine(tableId, "1 is gone");
    await catalog().dropTable(tableId, { unpublished: "giveUp" });
    assert.equal(await factsOf(tableId), undefined);
    for (const which of ["all", "unsettled"] as const) assert.ok(!(await isListed(tableId, which)));
    for (const gone of [tableId, id(), "nonsense"]) {
      for (const reason of ["x", undefined]) {
        await assert.rejects(catalog().setQuarantine(gone, reason), (e) => isLakeError(e, "notFound"));
      }
    }
  });

  test("facts say what the last comparison found, until a stop is lifted", async () => {
    const tableId = await newTable(catalog());
    await catalog().markPublished(tableId, [0], 5);
    const clean = { tableId, outcome: "ok", version: 0, logDigest: "d", checkedAt: 20, comparedAt: 10 } as const;
    await catalog().writeParity(clean);
    assert.deepEqual((await factsOf(tableId))?.parity, { version: 0, checkedAt: 20, outcome: "ok", drift: {} });
    assert.ok(!(await isListed(tableId, "unsettled")));
    const drift = { files: 2, txn: 1 };
    await catalog().writeParity({ ...clean, outcome: "drift", checkedAt: 21, drift });
    assert.deepEqual((await catalog().readParity(tableId))?.drift, drift);
    assert.deepEqual((await factsOf(tableId))?.parity, { version: 0, checkedAt: 21, outcome: "drift", drift });
    assert.ok(await isListed(tableId, "unsettled"));
    await catalog().setQuarantine(tableId, undefined);
    assert.equal((await factsOf(tableId))?.parity, undefined, "everything is compared again");
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

  test("whose is a commit that is found at a place: of the table there, or of one that was dropped there", async () => {
    const tableId = await threeVersions();
    const { location = "" } = (await catalog().findTable({ tableId })) ?? {};
    const commits = await catalog().readCommits(tableId, 0, 2);
    assert.equal((await catalog().tableAt(location))?.tableId, tableId);
    assert.deepEqual(await catalog().formerCommits(location, 1), []);
    assert.equal(await catalog().markPublished(tableId, [0], 5), true, "not dropped");
    assert.equal(await catalog().markPublished(tableId, [0, 1], 5), true, "one of them marked before");
    await catalog().dropTable(tableId, { unpublished: "giveUp" });
    assert.equal(await catalog().markPublished(tableId, [1], 6), false, "all of them marked before");
    assert.equal(await catalog().markPublished(tableId, [2], 6), false);
    assert.equal(await catalog().tableAt(location), undefined);
    for (const commit of commits) {
      assert.deepEqual(await catalog().formerCommits(location, commit.version), [commit]);
    }
    assert.deepEqual(await catalog().formerCommits(location, 3), []);
    assert.deepEqual(await catalog().formerCommits(`${location}/elsewhere`, 1), []);
  });

  /** What SQL may hold about a mirror, and how it comes to that. */
  const SITUATIONS: Readonly<Record<string, (tableId: string) => Promise<unknown>>> = {
    published: (tableId) => catalog().markPublished(tableId, [0, 1, 2], 5),
    waiting: async () => undefined,
    ...Object.fromEntries(
      ["UNAVAILABLE", ...Object.keys(STOPPED_STATES)].flatMap((code) => [
        [
          `the oldest version fails: ${code}`,
          (tableId: string) => catalog().markMirrorError(tableId, 0, { code, message: code, failed: true, at: 1 }),
        ],
        [
          `the newest published one: ${code}`,
          async (tableId: string) => {
            await catalog().markPublished(tableId, [0, 1], 5);
            await catalog().markLogFault(tableId, 1, { code, message: code });
          },
        ],
      ]),
    ),
    quarantined: (tableId) => catalog().setQuarantine(tableId, "by hand"),
    ...Object.fromEntries(
      DRIFT_KINDS.map((kind) => [
        `a comparison counted: ${kind}`,
        (tableId: string) =>
          catalog().writeParity({
            ...{ tableId, outcome: "drift", version: 0, logDigest: "d", checkedAt: 20, comparedAt: 10 },
            drift: { [kind]: 1 },
          }),
      ]),
    ),
  };

  for (const [name, arrange] of Object.entries(SITUATIONS)) {
    test(`a commit sees the mirror as a read does, and asks it to run: ${name}`, async () => {
      const tableId = await threeVersions();
      await arrange(tableId);
      const before = await factsOf(tableId);
      assert.ok(before);
      const plan = plannedTable(tableId, { actions: { adds: [add("c")] } });
      const refused = await catalog().commit({ ...planned([plan]), mirror: { running: true } });
      const state = healthOf(before, { lateAfterMs: 5_000 }).state;
      assert.equal(refused.status, isStopped(state) ? "rejected" : "committed", state);
      if (refused.status === "rejected") {
        const [rejection] = refused.rejections;
        assert.deepEqual(
          [rejection?.reason, { ...rejection?.mirror, now: 0 }],
          ["mirrorStopped", { ...before, now: 0 }],
        );
        assert.deepEqual({ ...(await factsOf(tableId)), now: 0 }, { ...before, now: 0 }, "nothing was written");
      }
      const taken = await catalog().commit(planned([{ ...plan, actions: { ...NO_ACTIONS, adds: [add("d")] } }]));
      if (name.endsWith("LOG_AHEAD")) {
        const [rejection] = taken.status === "rejected" ? taken.rejections : [];
        assert.equal(
          rejection?.reason,
          "mirrorStopped",
          "on top of a database that is older than the log: whatever is asked",
        );
        return;
      }
      assert.ok(taken.status === "committed");
      const [mirror] = taken.mirrors ?? [];
      const after = await factsOf(tableId);
      assert.ok(mirror && after);
      assert.deepEqual(mirror, { ...after, now: mirror.now });
      assert.ok(after.now >= mirror.now && mirror.now >= (after.oldest?.committedAt ?? 0));
    });
  }

  test("a commit waits for none, and goes no further than its bound of unpublished versions", async () => {
    const tableId = await threeVersions();
    const commitBelow = async (below: number) =>
      catalog().commit({
        ...planned([plannedTable(tableId, { actions: { adds: [add(id())] } })]),
        mirror: { running: false, below },
      });
    const full = await commitBelow(3);
    assert.ok(full.status === "rejected");
    assert.deepEqual(
      full.rejections.map((r) => [r.tableId, r.reason, r.mirror?.oldest?.version, r.mirror?.version]),
      [[tableId, "backlogFull", 0, 2]],
    );
    assert.equal((await commitBelow(4)).status, "committed");
    assert.equal((await commitBelow(4)).status, "rejected");
    await catalog().markPublished(tableId, [0], 5);
    assert.equal((await commitBelow(4)).status, "committed");
    await catalog().markPublished(tableId, [1, 2, 3, 4], 5);
    assert.equal((await commitBelow(1)).status, "committed", "nothing is unpublished");
    const created = id();
    const creating = { ...planned([creation(created, `b.${created}`)]), mirror: { running: true, below: 1 } };
    assert.equal(
      (await catalog().commit(creating)).status,
      "committed",
      "a new table has no mirror that could be late",
    );
  });
}
