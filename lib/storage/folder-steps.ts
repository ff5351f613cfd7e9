/**
 * Steps in folders, each with an end. Node runs them on threads, of which a step that hangs (a dead mount) keeps one until it
 * returns. So one folder never has more than a few, and none that is new while it hangs: others go on.
 */

import { deadlineMs } from "../deadlines.ts";
import { unavailable } from "../errors.ts";
import { openSlots, type Slots } from "../slots.ts";

/**
 * Runs one step: a call of the file system.
 * @param late takes a result that came after its time. @throws LakeError unavailable; the errors of the call
 */
export type Step = <T>(call: () => Promise<T>, late?: (result: T) => void) => Promise<T>;

/** Threads of one folder. `dl serve` has 64 (UV_THREADPOOL_SIZE). */
const AT_ONCE = 2;
/** Steps that hang, in all folders together, from which on a folder is only asked when it has answered since. */
const MANY_HANG = 16;

interface Place {
  readonly slots: Slots;
  /** When each of its steps that are past their time began. */
  readonly hanging: Set<number>;
  answeredAt: number;
}

const places = new Map<string, Place>();
const MAX_REMEMBERED = 10_000;
let hangingInAll = 0;
let lastHangAt = 0;
let underWay = 0;

/** Steps that have not returned yet, in this process: each keeps a thread, and the end of the process waiting. */
export function stepsUnderWay(): number {
  return underWay;
}

/** Counts what ends only when the steps of another thread have returned. */
export function countUntil(end: Promise<unknown>): void {
  underWay += 1;
  const ended = () => {
    underWay -= 1;
  };
  end.then(ended, ended);
}

/** Folders of which a step has not returned in time, and for how many milliseconds. */
export function hangingFolders(): readonly { readonly folder: string; readonly ms: number }[] {
  const now = performance.now();
  return [...places].flatMap(([folder, { hanging }]) =>
    hanging.size === 0 ? [] : [{ folder, ms: Math.round(now - Math.min(...hanging)) }],
  );
}

/** @param folder the root of the store */
export function folderSteps(folder: string, limitMs = deadlineMs("folder")): Step {
  const place = placeOf(folder);
  return async (call, late) => {
    const since = performance.now();
    if (place.hanging.size > 0 || (hangingInAll >= MANY_HANG && place.answeredAt < lastHangAt)) {
      throw silent(folder, Math.round(since - Math.min(since, ...place.hanging)));
    }
    const release = await place.slots.take(limitMs);
    if (release === undefined) throw silent(folder, limitMs);
    return within(place, folder, call, { limitMs, release, late });
  };
}

function within<T>(
  place: Place,
  folder: string,
  call: () => Promise<T>,
  {
    limitMs,
    release,
    late,
  }: { readonly limitMs: number; readonly release: () => void; readonly late: ((result: T) => void) | undefined },
): Promise<T> {
  const began = performance.now();
  underWay += 1;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      place.hanging.add(began);
      hangingInAll += 1;
      lastHangAt = performance.now();
      reject(silent(folder, limitMs));
    }, limitMs);
    const ended = (): "late" | "inTime" => {
      clearTimeout(timer);
      underWay -= 1;
      const wasHanging = place.hanging.delete(began);
      if (wasHanging) hangingInAll -= 1;
      place.answeredAt = performance.now();
      release();
      return wasHanging ? "late" : "inTime";
    };
    call().then(
      (result) => {
        if (ended() === "late") late?.(result);
        else resolve(result);
      },
      (error: unknown) => {
        ended();
        reject(error as Error);
      },
    );
  });
}

function placeOf(folder: string): Place {
  const known = places.get(folder);
  if (known !== undefined) return known;
  if (places.size >= MAX_REMEMBERED) forgetQuiet();
  const place: Place = { slots: openSlots(AT_ONCE), hanging: new Set(), answeredAt: 0 };
  places.set(folder, place);
  return place;
}

function forgetQuiet(): void {
  for (const [folder, { hanging }] of places) if (hanging.size === 0) places.delete(folder);
}

function silent(folder: string, ms: number): Error {
  return unavailable(`the folder ${folder} has not answered for ${(ms / 1000).toFixed(1)} s`, {
    code: "STORAGE_SILENT",
    hint: "Look at its disk or mount. It is asked again as soon as it answers.",
    facts: { folder },
  });
}
