/** Which privileges a commit needs: what its actions do to each of its tables says so. */

import type { CommitActions } from "../delta/actions.ts";
import type { Privilege } from "./privileges.ts";

/**
 * Of an existing table. Only files that were never in it, and progress of applications: APPEND. Whatever takes something away or
 * puts something in its place: MODIFY. Whatever changes what the table is, or what we do not know: ALTER. MODIFY adds files as well.
 */
export function commitNeeds({
  metadata,
  protocol,
  domains,
  removes,
  adds,
  others,
}: CommitActions): readonly Privilege[] {
  const alters = metadata !== undefined || protocol !== undefined || domains.length > 0 || others.some(isUnknown);
  // A deletion vector of a file that is added takes rows away; files without a change of data are those that are there already.
  const modifies =
    removes.length > 0 ||
    adds.some(({ deletionVector, dataChange }) => deletionVector !== undefined || !dataChange) ||
    others.some((action) => "cdc" in action);
  const needs: Privilege[] = [];
  if (alters) needs.push("ALTER");
  if (modifies) needs.push("MODIFY");
  // A change of the table itself may come without a file; whatever else there is adds to it.
  if (!modifies && (adds.length > 0 || !alters)) needs.push("APPEND");
  return needs;
}

function isUnknown(action: object): boolean {
  return !("cdc" in action);
}
