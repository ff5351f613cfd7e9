/** Table properties that the service acts on (PROTOCOL.md, "Table Properties"; delta-rules.md §6). */

import type { Metadata } from "./actions.ts";

const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = {
  microsecond: 0.001,
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY_MS,
  week: 7 * DAY_MS,
};

/** A checkpoint is due every that many versions: `delta.checkpointInterval`, 10 by default as in Spark. */
export function checkpointInterval(metadata: Metadata): number {
  const value = Number(metadata.configuration["delta.checkpointInterval"]);
  return Number.isSafeInteger(value) && value > 0 ? value : 10;
}

/** True when a checkpoint should follow this version. */
export function isCheckpointDue(version: number, metadata: Metadata): boolean {
  return version > 0 && version % checkpointInterval(metadata) === 0;
}

/** The newest version up to this one that a checkpoint should follow; undefined when there is none yet. */
export function newestCheckpointDue(version: number, metadata: Metadata): number | undefined {
  const due = version - (version % checkpointInterval(metadata));
  return due > 0 ? due : undefined;
}

/** Milliseconds that tombstones stay in checkpoints: `delta.deletedFileRetentionDuration`, one week by default. */
export function deletedFileRetentionMs(metadata: Metadata): number {
  return parseIntervalMs(metadata.configuration["delta.deletedFileRetentionDuration"]) ?? 7 * DAY_MS;
}

/** Milliseconds of `interval 30 days`, `2 weeks 3 hours` …; undefined for what is no such text (months, years and
 * negative amounts are not). */
export function parseIntervalMs(text: string | undefined): number | undefined {
  const words = text?.trim().toLowerCase().split(/\s+/) ?? [];
  if (words[0] === "interval") words.shift();
  if (words.length === 0 || words.length % 2 !== 0) return undefined;
  let total = 0;
  for (let i = 0; i < words.length; i += 2) {
    const amount = /^\d+$/.test(words[i] ?? "") ? Number(words[i]) : Number.NaN;
    const name = (words[i + 1] ?? "").replace(/s$/, "");
    const unit = Object.hasOwn(UNIT_MS, name) ? UNIT_MS[name] : undefined;
    if (!Number.isSafeInteger(amount) || unit === undefined) return undefined;
    total += amount * unit;
  }
  return Math.floor(total);
}
