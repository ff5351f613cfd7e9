/** How much a checkpoint may unpack to: what is stored once and named a million times fits into a small file, and not into SQL. */

import type { Json } from "../delta/values/json.ts";
import { corrupt } from "../errors.ts";
import { textSize } from "./text-size.ts";

const MIB = 2 ** 20;
/** One action of a table with ten thousand columns has some megabytes. */
const MAX_ACTION_BYTES = 32 * MIB;
/** A whole file may unpack to so many times its size, beyond what any file may; paths differ, so real ones stay below 100. */
const MAX_RATIO = 1000;
const FREE_BYTES = 64 * MIB;

export interface UnpackLimit {
  /**
   * Counts one action.
   * @returns its size in characters, about
   * @throws LakeError corrupt (CHECKPOINT_UNREADABLE) when it, or all of them, are too large
   */
  take(action: Json, at: string): number;
  /** Likewise, of an action whose size is known. @param at is asked for where it is too large */
  takeSize(size: number, at: () => string): number;
}

export function openUnpackLimit(file: { readonly name: string; readonly size: number }): UnpackLimit {
  const most = FREE_BYTES + MAX_RATIO * file.size;
  let total = 0;
  const takeSize = (size: number, at: () => string): number => {
    total += size;
    if (size > MAX_ACTION_BYTES) throw tooLarge(`${at()} has ${size} bytes of text; at most ${MAX_ACTION_BYTES}`, at());
    if (total > most) {
      throw tooLarge(`${file.name} has ${file.size} bytes, and unpacks to more than ${most} at ${at()}`, file.name);
    }
    return size;
  };
  return { take: (action, at) => takeSize(textSize(action), () => at), takeSize };
}

function tooLarge(message: string, at: string): Error {
  return corrupt(message, {
    code: "CHECKPOINT_UNREADABLE",
    at,
    hint: "No writer makes such a file. Remove the checkpoint if the commits before it are all there.",
  });
}
