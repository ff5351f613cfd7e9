/** The bytes of a version, made while the one before it is put. */

import type { Commit } from "../../delta/actions.ts";
import { encodeCommit } from "../../delta/encode.ts";
import type { Clock } from "../../ports.ts";

/** Files of a commit whose encoding takes longer than a turn of the event loop. */
const LARGE = 100;

export type Encoded = { readonly bytes: Uint8Array } | { readonly error: unknown };

/** What goes wrong is told when its turn has come. */
export function encodeNow(commit: Commit): Encoded {
  try {
    return { bytes: encodeCommit(commit) };
  } catch (error) {
    return { error };
  }
}

/** While the put before it is under way, once that has been sent. Undefined for what is encoded at once when its turn has come. */
export async function encodeLater(clock: Clock, commit: Commit | undefined): Promise<Encoded | undefined> {
  if (commit === undefined || commit.actions.adds.length + commit.actions.removes.length < LARGE) return undefined;
  await clock.sleep(0);
  return encodeNow(commit);
}
