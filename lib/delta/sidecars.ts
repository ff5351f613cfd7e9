/**
 * Which parts of a V2 checkpoint the next one names again, and which are written (PROTOCOL.md, "V2 Spec"; ARCHITECTURE.md D99). The live
 * files, in the order in which SQL lists them, are cut into ranges: what is added comes behind the last, what is removed leaves one. Pure.
 */

import type { Metadata, Protocol } from "./actions.ts";
import { NO_FILES } from "./fingerprint.ts";
import { tableProperties } from "./properties/properties.ts";

/** A sidecar is full with so many files, … */
export const SIDECAR_FILES = 20_000;
/** … or when its texts have about so many characters. */
export const SIDECAR_TEXT = 32 * 2 ** 20;

/** Neighbours are put together when the left one is no more than so many times the right one: so each file moves a few times, and few stay small. */
const GROWTH = 2;
/** So many more than twice the number of full ones may there be; beyond, all neighbours that fit go together. */
const SPARE = 16;

/** A range of live files, and how much it held when its sidecar was written. */
export interface FileRange {
  readonly files: number;
  /** Characters, about. */
  readonly text: number;
}

/** Ranges from one place in their list to another, both included: to be named again, or written as one. */
export interface RangeStep {
  readonly first: number;
  readonly last: number;
  readonly isKept: boolean;
}

/** True where the owner of a table has asked for V2 checkpoints, and each reader of it knows them. */
export function wantsSidecars(protocol: Protocol, metadata: Metadata): boolean {
  const has = (features: readonly string[] | undefined) => features?.includes("v2Checkpoint") === true;
  return (
    has(protocol.readerFeatures) &&
    has(protocol.writerFeatures) &&
    tableProperties(metadata)["delta.checkpointPolicy"] === "v2"
  );
}

/**
 * What becomes of the ranges of the checkpoint before. Those that lost files are written; so are some neighbours, as one, lest small
 * ones become ever more. The last step is behind the last range, for what is new: `first` is the number of ranges.
 */
export function planRanges(ranges: readonly FileRange[], lost: ReadonlySet<number>): readonly RangeStep[] {
  let groups: Group[] = [];
  for (const [i, range] of ranges.entries()) {
    let top: Group = { first: i, last: i, isKept: !lost.has(i), files: range.files, text: range.text };
    for (let left = groups.at(-1); left && fit(left, top) && isWorthIt(left, top); left = groups.at(-1)) {
      groups.pop();
      top = together(left, top);
    }
    groups.push(top);
  }
  const files = ranges.reduce((sum, range) => sum + range.files, 0);
  const text = ranges.reduce((sum, range) => sum + range.text, 0);
  const full = Math.max(Math.ceil(files / SIDECAR_FILES), Math.ceil(text / SIDECAR_TEXT));
  if (groups.length > 2 * full + SPARE) groups = packed(groups);
  const steps: RangeStep[] = [];
  for (const group of [...groups, { first: ranges.length, last: ranges.length, isKept: false }]) {
    const before = steps.at(-1);
    // Written ones that follow each other are one range: what is left of them fills sidecars anew.
    if (before && !before.isKept && !group.isKept) steps[steps.length - 1] = { ...before, last: group.last };
    else steps.push({ first: group.first, last: group.last, isKept: group.isKept });
  }
  return steps;
}

interface Group extends RangeStep, FileRange {}

function fit(a: FileRange, b: FileRange): boolean {
  return a.files + b.files <= SIDECAR_FILES && a.text + b.text <= SIDECAR_TEXT;
}

function isWorthIt(left: Group, right: Group): boolean {
  return (!left.isKept && !right.isKept) || left.files <= GROWTH * right.files;
}

function together(left: Group, right: Group): Group {
  const [files, text] = [left.files + right.files, left.text + right.text];
  return { first: left.first, last: right.last, isKept: false, files, text };
}

function packed(groups: readonly Group[]): Group[] {
  const done: Group[] = [];
  for (const group of groups) {
    const left = done.at(-1);
    if (left && fit(left, group)) done[done.length - 1] = together(left, group);
    else done.push(group);
  }
  return done;
}

/** Of no file. */
export const NO_RANGE = { files: 0, text: 0, fingerprint: NO_FILES } as const;
