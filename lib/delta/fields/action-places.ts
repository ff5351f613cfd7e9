/** Where the actions of a request are, as JSON pointers for messages. They go beside the actions and are never stored. */

import type { CommitActions } from "../actions.ts";

export type ActionKind = keyof CommitActions;

/** Pointers of each kind, in the order that the kind has in {@link CommitActions}. */
export type ActionPlaces = Readonly<Partial<Record<ActionKind, readonly string[]>>>;

/** The pointer of the i-th action of a kind, or of a member of it, such as `/tables/0/actions/7/add/path`. */
export type PlaceOf = (kind: ActionKind, i?: number, member?: string) => string;

/** What a log calls the kinds of which a commit has one at most. */
const SINGLE: Partial<Record<ActionKind, string>> = {
  commitInfo: "commitInfo",
  protocol: "protocol",
  metadata: "metaData",
};

/**
 * Finds pointers of actions. Where nobody has noted them, one of the few single actions is named after its kind, and of any
 * other the table is named.
 * @param request.at JSON pointer of the table's part of the request
 */
export function placesOf(request: { readonly at: string; readonly places?: ActionPlaces }): PlaceOf {
  const { at, places = {} } = request;
  return (kind, i = 0, member = "") => {
    const inside = member === "" ? "" : `/${member}`;
    const action = places[kind]?.[i] ?? (SINGLE[kind] && `${at}/${SINGLE[kind]}`);
    return action === undefined ? at : action + inside;
  };
}
