/** What a recovery took over of names and drops, in words. */

import type { IdentityChange } from "../operations/recover.ts";

export function identitySentence({ table, name, changes, blockedBy, waits }: IdentityChange): string {
  const what = changes.map((change) => {
    if (change === "renamed") return `is called ${name}`;
    return change === "dropped" ? "is dropped" : "is there again";
  });
  const told = `${table} ${what.join(" and ")}`;
  if (waits) return `by its log ${told}: not taken over before all of its versions are`;
  if (blockedBy === undefined) return `${told}, as its log says`;
  return `by its log ${told}: not taken over, as ${blockedBy.name} at ${blockedBy.location} is in the way`;
}
