/** A table that others write is refused by name to whatever would write it here. */

import { LakeError } from "../../errors.ts";
import type { TableHead } from "../../ports.ts";

/** @throws LakeError conflict TABLE_FOLLOWED */
export function checkNotFollowed({ tableId, name, location, followed }: TableHead): void {
  if (followed === undefined) return;
  throw new LakeError("conflict", `"${name}" is written by others, directly to ${location}; this catalog follows it`, {
    code: "TABLE_FOLLOWED",
    hint: `Write it as they do, or \`dl takeover ${name}\`: then it is written here, and nowhere else. \`dl drop ${name}\` stops following it.`,
    facts: { tableId, name, location },
  });
}
