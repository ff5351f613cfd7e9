/** Every cause and the state that it comes to; of several the worst counts; ages are never negative; who is due. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  DRIFT_KINDS,
  type DriftKind,
  HEALTH_STATES,
  type HealthState,
  healthOf,
  isDue,
  isStopped,
  type MirrorFacts,
  mirroredVersionOf,
  mirrorStateOf,
  type OpenVersion,
  STOPPED_STATES,
  type StopCode,
} from "../../lib/delta/health.ts";

const NOW = 1_000_000_000;
const LATE = { lateAfterMs: 5_000 };
const TABLE = { tableId: "4b0fd1c3-9c2a-4f0e-8f1d-0a1b2c3d4e5f", table: "sales.orders", version: 9, now: NOW };

const open = (ageMs: number, more: Partial<OpenVersion> = {}): OpenVersion => ({
  version: 7,
  status: "IN_FLIGHT",
  committedAt: NOW - ageMs,
  attempts: 0,
  ...more,
});
const failedVersion = (ageMs: number) =>
  open(ageMs, { status: "FAILED", attempts: 5, lastError: "access denied", triedAt: NOW });
/** As the mirror leaves it. */
const stoppedAt = (errorCode: StopCode, ageMs = 60_000) => ({
  oldest: open(ageMs, { status: "FAILED", attempts: 1, errorCode, lastError: `because of ${errorCode}`, triedAt: NOW }),
});
const quarantine = "version 7 is somebody else's";
const parity = (drift: Partial<Record<DriftKind, number>>) => ({
  version: 6,
  checkedAt: NOW,
  outcome: "drift" as const,
  drift,
});

/** Where a stop was seen, the most telling place first. */
const placeOf = (facts: Partial<MirrorFacts>) =>
  [facts.oldest?.errorCode, facts.quarantine, facts.fault, facts.parity].findIndex((place) => place !== undefined);

/** Causes, each with its state, its code and a word of its reason. */
const CAUSES: readonly [name: string, facts: Partial<MirrorFacts>, HealthState, code?: string, reason?: RegExp][] = [
  ["all is published", {}, "ok"],
  ["a parity check found nothing", { parity: parity({ files: 0, txn: 0 }) }, "ok"],
  ["a parity check tolerated what it found", { parity: { ...parity({ files: 2 }), outcome: "ok" } }, "ok"],
  ["a commit of this moment", { oldest: open(10) }, "ok"],
  ["a first attempt failed just now", { oldest: open(10, { attempts: 1, lastError: "slow", triedAt: NOW }) }, "ok"],
  ["a commit from the future, after a clock was set back", { oldest: open(-3_600_000) }, "ok"],
  ["nobody came by", { oldest: open(5_000) }, "late", "MIRROR_LATE", /version 7 .* 5 s$/],
  [
    "failed just now, and old",
    { oldest: open(6_000, { attempts: 1, lastError: "slow", triedAt: NOW }) },
    "late",
    "MIRROR_LATE",
    /the last attempt failed: slow/,
  ],
  ["failed too often", { oldest: failedVersion(100) }, "failed", "MIRROR_FAILED", /5 attempts: access denied/],
  ["failed, between two retries", { oldest: failedVersion(60_000) }, "failed", "MIRROR_FAILED", /version 7/],
  ...DRIFT_KINDS.filter((kind) => kind !== "logAhead" && kind !== "versionGone").map(
    (kind): (typeof CAUSES)[number] => [
      `drift: ${kind}`,
      { parity: parity({ [kind]: 2 }) },
      "failed",
      "DRIFT",
      new RegExp(`at version 6: ${kind} 2`),
    ],
  ),
  ["a foreign commit", { ...stoppedAt("FOREIGN_COMMIT"), quarantine }, "quarantined", "FOREIGN_COMMIT", /else's/],
  ["found foreign, not yet quarantined", stoppedAt("FOREIGN_COMMIT"), "quarantined", "FOREIGN_COMMIT", /because/],
  ["quarantined, and nothing is open", { quarantine }, "quarantined", "FOREIGN_COMMIT", /else's/],
  ["the log is ahead: the mirror saw it", stoppedAt("LOG_AHEAD"), "behindLog", "LOG_AHEAD", /because of LOG_AHEAD/],
  ["the log is ahead: quarantined", { ...stoppedAt("LOG_AHEAD"), quarantine }, "behindLog", "LOG_AHEAD", /else's/],
  [
    "the log is ahead: a comparison saw it",
    { parity: parity({ logAhead: 3 }) },
    "behindLog",
    "LOG_AHEAD",
    /3 versions/,
  ],
  ["a version is gone: the mirror saw it", stoppedAt("LOG_FILE_MISSING"), "gone", "LOG_FILE_MISSING", /because/],
  ["the log is gone: the mirror saw it", stoppedAt("LOG_GONE"), "gone", "LOG_GONE", /because/],
  [
    "a version is gone: somebody looked, and nothing is open",
    { fault: { code: "LOG_FILE_MISSING", reason: "9 is gone" } },
    "gone",
    "LOG_FILE_MISSING",
    /9 is gone/,
  ],
  [
    "a version is gone: a comparison saw it",
    { parity: parity({ versionGone: 1 }) },
    "gone",
    "LOG_FILE_MISSING",
    /a pub/,
  ],
];

for (const [name, facts, state, code, reason] of CAUSES) {
  test(`${name}: ${state}`, () => {
    const health = healthOf({ ...TABLE, ...facts }, LATE);
    assert.equal(health.state, state);
    assert.equal(health.code, code);
    if (reason) assert.match(health.reason ?? "", reason);
    // Whoever is told that something is wrong is told what, and what to do.
    assert.equal(health.reason !== undefined, state !== "ok");
    assert.equal(health.hint !== undefined, state !== "ok");
  });
}

test("every state has a cause, and every stop a state in which nothing is published", () => {
  assert.deepEqual(new Set(CAUSES.map(([, , state]) => state)), new Set(HEALTH_STATES));
  for (const code of Object.keys(STOPPED_STATES) as StopCode[]) assert.ok(isStopped(STOPPED_STATES[code]));
  for (const state of ["ok", "late", "failed"] as const) assert.ok(!isStopped(state));
});

test("of two causes the worse state counts; what the mirror ran into counts before what a comparison saw", () => {
  for (const [name, facts, state] of CAUSES) {
    for (const [otherName, other, otherState] of CAUSES) {
      // One fact cannot have two values.
      if (Object.keys(facts).some((key) => key in other)) continue;
      const worse = [state, otherState].sort((a, b) => HEALTH_STATES.indexOf(b) - HEALTH_STATES.indexOf(a))[0];
      const seen = healthOf({ ...TABLE, ...facts, ...other }, LATE).state;
      // What was seen where it happens says more than what a comparison counted.
      const [at, otherAt] = [placeOf(facts), placeOf(other)];
      if (isStopped(state) && isStopped(otherState)) {
        assert.equal(seen, at < otherAt ? state : otherState, `${name} and ${otherName}`);
      } else assert.equal(seen, worse, `${name} and ${otherName}`);
    }
  }
});

test("a quarantine lasts whatever is committed after it, and counts as a failure of the mirror", () => {
  for (const oldest of [open(0), open(60_000), failedVersion(1), undefined]) {
    const facts = { ...TABLE, version: 100, quarantine, ...(oldest && { oldest }) };
    assert.equal(healthOf(facts, LATE).state, "quarantined");
    assert.equal(mirrorStateOf(facts), "FAILED");
  }
  for (const code of Object.keys(STOPPED_STATES) as StopCode[]) {
    assert.equal(mirrorStateOf({ ...TABLE, version: 100, ...stoppedAt(code) }), "FAILED");
  }
  assert.equal(mirrorStateOf({ ...TABLE, parity: parity({ versionGone: 1 }) }), "FAILED");
  assert.equal(mirrorStateOf({ ...TABLE, oldest: failedVersion(1) }), "FAILED", "the newest one is in flight");
  assert.equal(mirrorStateOf({ ...TABLE, oldest: open(1) }), "IN_FLIGHT");
  assert.equal(mirrorStateOf(TABLE), "COMPLETE");
});

test("what is unpublished is counted from the oldest to the head, also while stopped", () => {
  for (const more of [{}, { quarantine }]) {
    const health = healthOf({ ...TABLE, oldest: open(1_500), ...more }, LATE);
    assert.deepEqual([health.unpublishedVersions, health.lagSeconds], [3, 1.5]);
  }
  assert.deepEqual([healthOf(TABLE, LATE).unpublishedVersions, healthOf(TABLE, LATE).lagSeconds], [0, 0]);
  assert.equal(mirroredVersionOf({ ...TABLE, oldest: open(1) }), 6);
  assert.equal(mirroredVersionOf(TABLE), 9);
});

const OVERDUE = 5_000;
const DUE: readonly [name: string, facts: Partial<MirrorFacts>, boolean][] = [
  ["nothing is open", {}, false],
  ["just committed", { oldest: open(4_999) }, false],
  ["never tried", { oldest: open(5_000) }, true],
  ["committed in the future: the clock was set back", { oldest: open(-60_000) }, true],
  ["tried in the future", { oldest: open(60_000, { triedAt: NOW + 3_600_000, attempts: 9 }) }, true],
  ["tried just now", { oldest: open(60_000, { triedAt: NOW - 4_999, attempts: 1 }) }, false],
  ["tried long enough ago", { oldest: open(60_000, { triedAt: NOW - 5_000, attempts: 1 }) }, true],
  ["the third failure waits longer", { oldest: open(60_000, { triedAt: NOW - 19_999, attempts: 3 }) }, false],
  ["and comes again", { oldest: open(60_000, { triedAt: NOW - 20_000, attempts: 3 }) }, true],
  ["no pause is above a minute", { oldest: open(9e6, { triedAt: NOW - 60_000, attempts: 1_000_000 }) }, true],
  ["quarantined", { oldest: open(60_000), quarantine }, false],
  [
    "gone: somebody may have put it back",
    { oldest: open(60_000, { triedAt: NOW - 60_000, errorCode: "LOG_FILE_MISSING" }) },
    true,
  ],
];

for (const [name, facts, due] of DUE) {
  test(`the sweeper ${due ? "wakes" : "lets be"}: ${name}`, () => {
    assert.equal(isDue({ ...TABLE, ...facts }, OVERDUE), due);
  });
}

test("no facts make a negative age, an unknown state, or a cause without a word", () => {
  const time = fc.integer({ min: -1_000_000_000, max: 8_000_000_000_000 });
  const facts = fc.record(
    {
      version: fc.nat(100),
      now: time,
      oldest: fc.record(
        {
          version: fc.nat(100),
          status: fc.constantFrom("IN_FLIGHT" as const, "FAILED" as const),
          committedAt: time,
          attempts: fc.nat(),
          triedAt: time,
        },
        { requiredKeys: ["version", "status", "committedAt", "attempts"] },
      ),
      parity: fc.record({
        version: fc.nat(100),
        checkedAt: time,
        outcome: fc.constantFrom("ok" as const, "drift" as const),
        drift: fc.dictionary(fc.constantFrom(...DRIFT_KINDS), fc.nat(3)),
      }),
    },
    { requiredKeys: ["version", "now"] },
  );
  fc.assert(
    fc.property(facts, fc.integer({ min: 0, max: 60_000 }), (some, lateAfterMs) => {
      const all = { ...TABLE, ...some } as MirrorFacts;
      const health = healthOf(all, { lateAfterMs });
      assert.ok(health.lagSeconds >= 0 && health.unpublishedVersions >= 0);
      assert.ok(HEALTH_STATES.includes(health.state));
      assert.equal(health.code === undefined, health.state === "ok");
      assert.equal(typeof isDue(all, lateAfterMs), "boolean");
    }),
  );
});
