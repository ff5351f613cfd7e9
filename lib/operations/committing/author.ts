/** Who committed, in `commitInfo`: the caller that has been proven, or what the writer says where nobody is asked. */

import { authorOf, type Principal } from "../../access/principal.ts";
import type { CommitActions, CommitInfo } from "../../delta/actions.ts";
import type { TableRef } from "../../delta/request.ts";

/** The caller of an operation; absent where nobody is asked who they are. */
export interface By {
  readonly by?: Principal | undefined;
  /** What the audit trail is to have of it, as of a PlannedCommit; asked for when all is decided. */
  readonly attempt?: (() => string) | undefined;
}

const OURS = ["userid", "username"];

/** What a commit does to one table, as the table is. */
export interface Doing {
  /** As the request names it. */
  readonly asked: TableRef;
  readonly tableId: string;
  readonly name: string;
  /** True where the commit makes the table. */
  readonly creates: boolean;
  readonly actions: CommitActions;
}

/** How callers are held to what they may do; absent where they may do everything. */
export interface Allowed {
  /** Judges what is done. @returns tables that may only get files which were never in them. @throws LakeError forbidden, notFound */
  readonly allow?: ((doing: readonly Doing[]) => Promise<ReadonlySet<string>>) | undefined;
  /** Makes the caller the owner of a table that is about to be made: a table that is there has one. */
  readonly claim?: ((tableId: string) => Promise<void>) | undefined;
}

/** The same actions; where the caller is known, no field of theirs can name another, in whatever case it is written. */
export function signed<A extends CommitActions>(actions: A, { by }: By): A {
  if (by === undefined) return actions;
  const given = Object.entries(actions.commitInfo ?? {}).filter(([name]) => !OURS.includes(name.toLowerCase()));
  const commitInfo: CommitInfo = { ...Object.fromEntries(given), ...authorOf(by) };
  return { ...actions, commitInfo };
}
