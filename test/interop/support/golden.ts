/** The golden tables and their rows: what engines wrote, and what each version holds. */

import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Row } from "./engines.ts";

const GOLDEN = fileURLToPath(new URL("../../golden", import.meta.url));

/** An action as it is in a commit file: an object with one member. */
export type Action = Readonly<Record<string, Record<string, unknown>>>;

export interface Golden {
  /** Such as `spark/row-tracking`. */
  readonly kind: string;
  readonly path: string;
  readonly head: number;
  /** Commits after this version are for a test to make through our API: their data files are in place. */
  readonly continueFrom: number;
  /** Rows of a version; undefined where the engine that wrote the table cannot read it any more (VACUUM). */
  rows(version: number): readonly Row[] | undefined;
  actions(version: number): readonly Action[];
  /** More that the script wrote down. */
  readonly more: Readonly<Record<string, unknown>>;
}

/** All golden tables with rows. */
export function goldenTables(): readonly Golden[] {
  return ["spark", "delta-rs"].flatMap((engine) =>
    readdirSync(join(GOLDEN, engine))
      .sort()
      .map((name) => openGolden(`${engine}/${name}`)),
  );
}

export function openGolden(kind: string): Golden {
  const path = join(GOLDEN, kind);
  const { head, continueFrom, versions, rows, ...more } = JSON.parse(readFileSync(join(path, "rows.json"), "utf8"));
  return {
    kind,
    path,
    head,
    continueFrom: continueFrom ?? head,
    rows: (version) => versions[version]?.map((i: number) => rows[i] as Row),
    actions: (version) => readCommit(path, version),
    more,
  };
}

/** The actions of a commit file. */
export function readCommit(table: string, version: number): readonly Action[] {
  const lines = readFileSync(join(table, "_delta_log", `${logName(version)}.json`), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Action);
}

export function logName(version: number): string {
  return String(version).padStart(20, "0");
}

/** Copies a table's data files, without its log. */
export function copyData(golden: Golden, to: string): void {
  cpSync(golden.path, to, {
    recursive: true,
    preserveTimestamps: true,
    filter: (from) => !/[/\\](_delta_log|rows\.json)$/.test(from),
  });
}

/** Copies a table with its log up to a version, as if the later commits had not been made. */
export function copyUpTo(golden: Golden, to: string, version: number): void {
  cpSync(golden.path, to, { recursive: true, preserveTimestamps: true, filter: (from) => !from.endsWith("rows.json") });
  const log = join(to, "_delta_log");
  for (const name of readdirSync(log)) {
    if (/^\d{20}\./.test(name) && Number(name.slice(0, 20)) > version) rmSync(join(log, name));
  }
  const hint = join(log, "_last_checkpoint");
  if (existsSync(hint) && JSON.parse(readFileSync(hint, "utf8")).version > version) rmSync(hint);
}
