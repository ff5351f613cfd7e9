/** A commit's actions checked against a table, as the planner does it. */

import type { CommitActions, Metadata, Protocol } from "../../lib/delta/actions.ts";
import { canonicalActions } from "../../lib/delta/checks/canonical-actions.ts";
import { checkActions } from "../../lib/delta/checks/validate.ts";
import { placesOf } from "../../lib/delta/fields/action-places.ts";
import { tableConfiguration } from "../../lib/delta/table-configuration.ts";

export interface CheckedTable {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly declared?: ReadonlySet<string>;
  /** Files that stay live through the commit; 1 by default. */
  readonly keptFiles?: number;
  readonly at: string;
}

/** @throws LakeError invalid when a rule is broken */
export function checkCommit(some: CommitActions, table: CheckedTable): CommitActions {
  const place = placesOf(table);
  const before = tableConfiguration(table.protocol, table.metadata);
  const actions = canonicalActions(before, some, place);
  const after = tableConfiguration(
    actions.protocol ?? table.protocol,
    actions.metadata ?? table.metadata,
    place("metadata", 0, "schemaString"),
  );
  const { declared = new Set(), keptFiles = 1, at } = table;
  checkActions(actions, { before, after, keptFiles, isStrict: false, declared, at });
  return actions;
}
