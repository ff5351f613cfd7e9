/** Who committed, in `commitInfo`: the caller that has been proven, or what the writer says where nobody is asked. */

import { authorOf, type Principal } from "../../access/principal.ts";
import type { CommitActions, CommitInfo } from "../../delta/actions.ts";

/** The caller of an operation; absent where nobody is asked who they are. */
export interface By {
  readonly by?: Principal | undefined;
}

const OURS = ["userid", "username"];

/** The same actions; where the caller is known, no field of theirs can name another, in whatever case it is written. */
export function signed<A extends CommitActions>(actions: A, { by }: By): A {
  if (by === undefined) return actions;
  const given = Object.entries(actions.commitInfo ?? {}).filter(([name]) => !OURS.includes(name.toLowerCase()));
  const commitInfo: CommitInfo = { ...Object.fromEntries(given), ...authorOf(by) };
  return { ...actions, commitInfo };
}
