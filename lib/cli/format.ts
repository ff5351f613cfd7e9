/** Numbers and times as people read them. */

import type { TableHealth } from "../delta/health.ts";
import type { Int64 } from "../delta/values/int64.ts";

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** `1.2 MiB (1,258,291 bytes)`; small sizes exact only. */
export function formatBytes(bytes: Int64): string {
  const exact = `${formatCount(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
  let value = Number(bytes);
  if (Math.abs(value) < 1024) return exact;
  let unit = "";
  for (const next of UNITS) {
    if (Math.abs(value) < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit} (${exact})`;
}

/** `1,234,567` */
export function formatCount(count: Int64): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** `3 files`, `1 file` */
export function plural(count: Int64, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `2026-01-01T00:00:00.000Z`; the number itself where it is no time that a calendar has. */
export function formatTime(millis: Int64): string {
  const date = new Date(Number(millis));
  return Number.isNaN(date.getTime()) ? `${millis} ms` : date.toISOString();
}

/** `0.8 s`, `3 min 20 s` */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(3))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${formatCount(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** A table's health in one line, with what can be done about it. */
export function healthText({ state, reason, hint, unpublishedVersions, lagSeconds, followed }: TableHealth): string {
  const waiting =
    unpublishedVersions === 0
      ? ""
      : `, ${plural(unpublishedVersions, "version")} unpublished for ${Math.round(lagSeconds)} s`;
  const theirs =
    followed === undefined
      ? ""
      : `, followed, ${plural(followed.behindVersions, "version")} behind ${Math.round(followed.lookedSecondsAgo)} s ago`;
  return `${state}${waiting}${theirs}${reason === undefined ? "" : `: ${reason}. ${hint}`}`;
}
