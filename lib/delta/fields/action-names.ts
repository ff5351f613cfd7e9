/** The names of actions, and which of them a wrong name may have meant. */

import { nearestName } from "../values/nearest-name.ts";

/** Actions of commits, and after them those that are in checkpoints only. */
const NAMES = ["add", "remove", "cdc", "metaData", "protocol", "txn", "domainMetadata", "commitInfo"] as const;
const CHECKPOINT_NAMES = ["sidecar", "checkpointMetadata", "checkpoint"] as const;

export const ACTION_NAMES: ReadonlySet<string> = new Set([...NAMES, ...CHECKPOINT_NAMES]);
export const CHECKPOINT_ACTIONS: ReadonlySet<string> = new Set(CHECKPOINT_NAMES);

/** What engines call the same actions in their own code. */
const ALSO_CALLED: Readonly<Record<string, (typeof NAMES)[number]>> = {
  addFile: "add",
  dataFile: "add",
  removeFile: "remove",
  deleteFile: "remove",
  tombstone: "remove",
  addCDCFile: "cdc",
  cdcFile: "cdc",
  changeFile: "cdc",
  setTransaction: "txn",
  transaction: "txn",
  domain: "domainMetadata",
};
const SPELLINGS = [...ACTION_NAMES, ...Object.keys(ALSO_CALLED)];

/**
 * The action that a name is near to, by its letters, by what engines call it, or because it begins with its name as a word.
 * Such an action would be stored, and silently not be in the table.
 */
export function nearestAction(name: string): string | undefined {
  const near = nearestName(name, SPELLINGS);
  if (near !== undefined) return Object.hasOwn(ALSO_CALLED, near) ? ALSO_CALLED[near] : near;
  const [firstWord = ""] = /^\P{L}*(?:\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+)/u.exec(name) ?? [];
  const plain = firstWord.replaceAll(/\P{L}/gu, "").toLowerCase();
  return NAMES.find((known) => known.toLowerCase() === plain);
}
