/**
 * Health of a table's mirror: ONE derivation from facts that SQL holds, shown alike wherever a table is shown (docs/runbook.md,
 * "States of a table"). Pure.
 */

import type { Followed } from "./table.ts";
import { ageMs, isPast } from "./values/age.ts";

/** Best first; of two causes the later state counts. */
export const HEALTH_STATES = ["ok", "late", "failed", "quarantined", "behindLog", "gone"] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/** Why nothing can be published until somebody takes care, and the state that the table is in meanwhile. */
export const STOPPED_STATES = {
  /** Other bytes are where a version of ours belongs. */
  FOREIGN_COMMIT: "quarantined",
  /** The log holds later versions than were published: of somebody else, or of a newer database than this one. */
  LOG_AHEAD: "behindLog",
  /** A version that was published is not there any more. */
  LOG_FILE_MISSING: "gone",
  /** Nothing is left of what was published. */
  LOG_GONE: "gone",
} as const satisfies Record<string, HealthState>;
export type StopCode = keyof typeof STOPPED_STATES;

/** Kinds of differences between SQL and `_delta_log`, each counted by a comparison. */
export const DRIFT_KINDS = [
  "files",
  "metadata",
  "protocol",
  "txn",
  "domain",
  /** Fields of commits, beyond what the state shows. */
  "commit",
  /** Versions beyond the head of SQL. */
  "logAhead",
  /** Published versions that are missing. */
  "versionGone",
  /** 1 when readers cannot read the log. */
  "unreadable",
] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];
export type DriftCounts = Readonly<Partial<Record<DriftKind, number>>>;

/** What SQL knows about the mirror of a table. All times in milliseconds since the epoch. */
export interface MirrorFacts {
  readonly tableId: string;
  /** `namespace.name`. */
  readonly table: string;
  /** The head. */
  readonly version: number;
  /** By the same clock as `committedAt`. */
  readonly now: number;
  /** Why the mirror does not even try any more, if so. */
  readonly quarantine?: string;
  /** Set where others write the table, and the catalog follows its log. */
  readonly followed?: Followed;
  /** The oldest unpublished version, which holds up all later ones; absent when all are published. */
  readonly oldest?: OpenVersion;
  /** What has become of the newest published version, if somebody has looked and it is not as it was. */
  readonly fault?: { readonly code: string; readonly reason: string };
  /** What the last comparison of SQL and log found; absent before the first. */
  readonly parity?: {
    readonly version: number;
    readonly checkedAt: number;
    /** `drift` where there is more than is tolerated. */
    readonly outcome: "ok" | "drift" | "lag";
    readonly drift: DriftCounts;
  };
}

export interface OpenVersion {
  readonly version: number;
  readonly status: "IN_FLIGHT" | "FAILED";
  readonly committedAt: number;
  /** How often publishing failed. */
  readonly attempts: number;
  readonly lastError?: string;
  /** Code of that failure. */
  readonly errorCode?: string;
  /** When publishing last failed. */
  readonly triedAt?: number;
}

/** The health of a table, as every answer, metric and log line shows it. */
export interface TableHealth {
  readonly state: HealthState;
  /** Machine-readable cause; absent when the state is ok. */
  readonly code?: HealthCode;
  /** The cause, and what can be done about it, for people. */
  readonly reason?: string;
  readonly hint?: string;
  /** Versions that are in SQL and not in `_delta_log`. */
  readonly unpublishedVersions: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly lagSeconds: number;
  /** Of a table that others write: how far SQL is behind its log. */
  readonly followed?: FollowHealth;
}

export interface FollowHealth {
  /** Versions that the last look at the log saw and that SQL has not taken over. */
  readonly behindVersions: number;
  /** Age of that look: what was committed since is not known yet. */
  readonly lookedSecondsAgo: number;
}

export type HealthCode = StopCode | "FOLLOW_FAILED" | "FOLLOW_LATE" | "MIRROR_LATE" | "MIRROR_FAILED" | "DRIFT";

/** @param options.lateAfterMs age from which an unpublished version is late */
export function healthOf(facts: MirrorFacts, options: { readonly lateAfterMs: number }): TableHealth {
  const { oldest, now } = facts;
  const lagMs = oldest === undefined ? 0 : ageMs(now, oldest.committedAt);
  return {
    ...causeOf(facts, lagMs >= options.lateAfterMs && oldest !== undefined, lagMs),
    unpublishedVersions: unpublishedOf(facts),
    lagSeconds: lagMs / 1000,
    ...(facts.followed && { followed: followHealthOf(facts.followed, facts) }),
  };
}

export function unpublishedOf({ oldest, version }: Pick<MirrorFacts, "oldest" | "version">): number {
  return oldest === undefined ? 0 : Math.max(0, version - oldest.version + 1);
}

/** True where nothing will be published before somebody has taken care. */
export function isStopped(state: HealthState): boolean {
  return Object.values<HealthState>(STOPPED_STATES).includes(state);
}

/** How the mirror of a table stands by the version that holds it up: a stop is a failure, however new the newest commit is. */
export function mirrorStateOf(facts: MirrorFacts): "IN_FLIGHT" | "COMPLETE" | "FAILED" {
  return stopOf(facts) ? "FAILED" : (facts.oldest?.status ?? "COMPLETE");
}

/** The newest version of which it and all before are published. */
export function mirroredVersionOf({ oldest, version }: Pick<MirrorFacts, "oldest" | "version">): number {
  return oldest === undefined ? version : oldest.version - 1;
}

/** Longest pause between two attempts of the sweeper; a commit brings about one at once. */
const LONGEST_RETRY_PAUSE_MS = 60_000;

/**
 * True when the sweeper should wake the mirror of this table up: a version is overdue, and the last attempt is long enough ago.
 * Pauses double with each failure. A time in the future says nothing, so it delays nothing.
 */
export function isDue({ oldest, quarantine, now }: MirrorFacts, overdueMs: number): boolean {
  if (oldest === undefined || quarantine !== undefined) return false;
  const { committedAt, triedAt, attempts } = oldest;
  if (triedAt === undefined || triedAt > now) return isPast(now, committedAt, overdueMs);
  const doubled = overdueMs * 2 ** Math.min(Math.max(0, attempts - 1), 20);
  return isPast(now, triedAt, Math.max(overdueMs, Math.min(doubled, LONGEST_RETRY_PAUSE_MS)));
}

export function isStopCode(code: string): code is StopCode {
  return Object.hasOwn(STOPPED_STATES, code);
}

type Cause = Pick<TableHealth, "state" | "code" | "reason" | "hint">;

function followHealthOf({ logVersion, lookedAt }: Followed, { version, now }: MirrorFacts): FollowHealth {
  return { behindVersions: Math.max(0, logVersion - version), lookedSecondsAgo: ageMs(now, lookedAt) / 1000 };
}

/** A log that others write is looked at with each sweep. */
const FOLLOW_LATE_MS = 60_000;

/** Nothing is published to a table that others write, so nothing can stop there. */
function followCauseOf({ lookedAt, error }: Followed, { table, now }: MirrorFacts): Cause | undefined {
  if (error !== undefined) {
    return {
      state: "failed",
      code: "FOLLOW_FAILED",
      reason: `its log could not be followed: ${short(error)}`,
      hint: "It is tried again with each sweep; `dl mirror` tries now, and says what can be done.",
    };
  }
  const ago = ageMs(now, lookedAt);
  if (ago < FOLLOW_LATE_MS) return undefined;
  return {
    state: "late",
    code: "FOLLOW_LATE",
    reason: `its log was last looked at ${Math.round(ago / 1000)} s ago`,
    hint: `Where a server runs, it looks every few seconds; \`dl mirror --table ${table}\` looks once.`,
  };
}

function causeOf(facts: MirrorFacts, isLate: boolean, lagMs: number): Cause {
  const { table, oldest } = facts;
  const following = facts.followed && followCauseOf(facts.followed, facts);
  if (following) return following;
  const found = stopOf(facts);
  if (found) {
    return {
      state: STOPPED_STATES[found.code],
      code: found.code,
      reason: short(found.reason),
      hint: STOP_HINTS[found.code](table),
    };
  }
  if (oldest?.status === "FAILED") {
    return {
      state: "failed",
      code: "MIRROR_FAILED",
      reason: `version ${oldest.version} could not be published in ${oldest.attempts} attempts: ${short(oldest.lastError ?? "no reason is known")}`,
      hint: "It is tried again at every commit, and at growing intervals up to a minute; remove the cause.",
    };
  }
  const drift = facts.parity?.outcome === "drift" ? driftText(facts.parity.drift) : "";
  if (drift !== "") {
    return {
      state: "failed",
      code: "DRIFT",
      reason: `SQL and _delta_log differ at version ${facts.parity?.version}: ${drift}`,
      hint: `\`dl diff --table ${table}\` says where.`,
    };
  }
  if (oldest === undefined || !isLate) return { state: "ok" };
  const failure = oldest.lastError === undefined ? "" : `; the last attempt failed: ${short(oldest.lastError)}`;
  return {
    state: "late",
    code: "MIRROR_LATE",
    reason: `version ${oldest.version} has been unpublished for ${Math.round(lagMs / 1000)} s${failure}`,
    hint: "The mirror catches up by itself, where one is running; commits are safe in SQL.",
  };
}

/** Drift that no mirror can mend. */
export const STOPPING_DRIFT = ["versionGone", "logAhead"] as const satisfies readonly DriftKind[];

/**
 * Why nothing can be published to the table; undefined while something can. What the mirror ran into counts before what a
 * comparison saw, which may be older.
 */
export function stopOf({
  quarantine,
  oldest,
  fault,
  parity,
  followed,
}: MirrorFacts): { code: StopCode; reason: string } | undefined {
  if (followed) return undefined;
  const code = oldest?.errorCode;
  if (code !== undefined && isStopCode(code)) return { code, reason: quarantine ?? oldest?.lastError ?? code };
  if (quarantine !== undefined) return { code: "FOREIGN_COMMIT", reason: quarantine };
  if (fault && isStopCode(fault.code)) return { code: fault.code, reason: fault.reason };
  const { versionGone = 0, logAhead = 0 } = parity?.drift ?? {};
  if (versionGone > 0) {
    return { code: "LOG_FILE_MISSING", reason: `${counted(versionGone, "published version")} missing from _delta_log` };
  }
  if (logAhead > 0) {
    return { code: "LOG_AHEAD", reason: `_delta_log holds ${counted(logAhead, "version")} that SQL never committed` };
  }
  return undefined;
}

/** Messages of other programs may be long, and a list shows a thousand tables. */
function short(text: string): string {
  return text.length > 500 ? `${text.slice(0, 499).toWellFormed()}…` : text;
}

function counted(n: number, what: string): string {
  return n === 1 ? `a ${what}` : `${n} ${what}s`;
}

function driftText(drift: DriftCounts): string {
  return DRIFT_KINDS.filter((kind) => (drift[kind] ?? 0) > 0)
    .map((kind) => `${kind} ${drift[kind]}`)
    .join(", ");
}

const STOP_HINTS: Readonly<Record<StopCode, (table: string) => string>> = {
  FOREIGN_COMMIT: (table) =>
    `Stop the other writer, move its files out of _delta_log, then \`dl resolve --table ${table}\`.`,
  LOG_AHEAD: (table) =>
    `Is this database older than the log? Then \`dl recover ${table}\`, or restore a newer one. Else move the other writer's files away, then \`dl resolve --table ${table}\`.`,
  LOG_FILE_MISSING: (table) => `\`dl repair ${table}\` puts back what is missing.`,
  LOG_GONE: (table) =>
    `Is the storage there? Restore the folder if it can be; \`dl repair ${table}\` puts back what SQL holds.`,
};
