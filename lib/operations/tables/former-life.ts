/** What a table is beside its versions, as its log tells it: for rebuilds, and for databases that are older than the logs. */

import type { Manifest } from "../../delta/manifest.ts";
import type { FormerLife } from "../../ports.ts";

/** What is true now; where the manifest says something else, it is due. */
export function lifeOf(
  manifest: Manifest | undefined,
  now: { readonly name: string; readonly location: string; readonly droppedAt?: number },
): FormerLife {
  const { name, location, droppedAt } = now;
  if (manifest === undefined) return { name, formerNames: [], changes: 0, told: -1 };
  const { changes, formerNames } = manifest;
  const isTrue = manifest.name === name && manifest.location === location && manifest.droppedAt === droppedAt;
  return {
    name,
    formerNames,
    changes: isTrue ? changes : changes + 1,
    told: changes,
    ...(droppedAt === undefined ? {} : { droppedAt }),
  };
}
