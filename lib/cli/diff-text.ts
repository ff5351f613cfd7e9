/** The report of `dl diff` for people. */

import type { DiffReport, FieldDrift, FileDrift } from "../delta/diff.ts";
import { type Json, stringifyJson } from "../delta/values/json.ts";
import { formatSeconds, plural } from "./format.ts";
import { colour, facts, printable } from "./output.ts";

/** Differences shown of each kind; the JSON report has more. */
const SHOWN = 20;

export function diffText(report: DiffReport): string {
  const { drift, mirror } = report;
  const compared = report.comparedVersion === undefined ? "nothing compared" : `compared at ${report.comparedVersion}`;
  const summary = facts([
    ["log", report.logLocation],
    ["versions", `SQL ${report.sqlVersion}, log ${report.logVersion < 0 ? "none" : report.logVersion}; ${compared}`],
    ["lag", formatSeconds(report.lagSeconds)],
    ["mirror", mirror && `version ${mirror.version} ${mirror.status}, ${plural(mirror.attempts, "failed attempt")}`],
    ["files", drift.fileCount === 0 ? "the same" : `${plural(drift.fileCount, "difference")}`],
    ["metadata", drift.metadata.length === 0 ? "the same" : plural(drift.metadata.length, "difference")],
    ["protocol", drift.protocol.length === 0 ? "the same" : plural(drift.protocol.length, "difference")],
    ["other", drift.other.length === 0 ? undefined : plural(drift.other.length, "difference")],
  ]);
  const details = [
    ...drift.files.slice(0, SHOWN).flatMap(fileLines),
    ...(drift.fileCount > SHOWN
      ? [`  … and ${plural(drift.fileCount - SHOWN, "more file")}; --format json lists them`]
      : []),
    ...fieldLines("metadata", drift.metadata),
    ...fieldLines("protocol", drift.protocol),
    ...fieldLines("other", drift.other),
    ...report.notes.map((note) => `  note: ${printable(note)}`),
  ];
  return [`${report.table} (${report.tableId})`, summary, ...details, verdict(report)].join("\n");
}

function verdict(report: DiffReport): string {
  if (report.outcome === "ok") return `${colour("green", "ok")}: SQL and _delta_log agree`;
  if (report.outcome === "lag") {
    return `${colour("yellow", "lag")}: no difference, but the mirror is ${plural(report.versionDelta, "version")} and ${formatSeconds(report.lagSeconds)} behind`;
  }
  return `${colour("red", "drift")}: SQL and _delta_log differ`;
}

function fileLines(file: FileDrift): string[] {
  const words = { missing: "only in SQL", extra: "only in the log", different: "different" };
  const vector = file.deletionVector === undefined ? "" : ` (deletion vector ${file.deletionVector})`;
  return [
    `  file ${words[file.kind]}: ${printable(file.path + vector)}`,
    ...(file.fields ?? []).map((f) => `    ${fieldLine(f)}`),
  ];
}

function fieldLines(kind: string, fields: readonly FieldDrift[]): string[] {
  const more = fields.length > SHOWN ? [`  … and ${fields.length - SHOWN} more in ${kind}`] : [];
  return [...fields.slice(0, SHOWN).map((field) => `  ${kind} ${fieldLine(field)}`), ...more];
}

function fieldLine({ field, sql, log }: FieldDrift): string {
  return `${printable(field)}: SQL ${short(sql)}, log ${short(log)}`;
}

function short(value: Json): string {
  const text = stringifyJson(value);
  return printable(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
