/** The paths of a writer's actions as they are published: relative below the table's root, and nowhere else unless the table allows it. Pure. */

import { invalid } from "../../errors.ts";
import type { CommitActions, FileIdentity } from "../actions.ts";
import type { PlaceOf } from "../fields/action-places.ts";
import { canonicalPath, checkPath, isOutside, relativePath } from "../files/paths.ts";
import type { TableConfiguration } from "../table-configuration.ts";
import { isJsonObject } from "../values/json.ts";

/** How a remove spells its file: relative, as we publish adds, or as it was sent, as an imported log may have it. */
export type Spelling = "relative" | "asSent";

/**
 * @param table with the commit's own properties
 * @throws LakeError invalid PATH_OUTSIDE_TABLE
 */
export function withOwnPaths(
  actions: CommitActions,
  { table, location, spelling }: { table: TableConfiguration; location: string; spelling: Spelling },
  place: PlaceOf,
): CommitActions {
  const { adds, removes, others } = actions;
  const own = <F extends FileIdentity>(file: F): F => {
    const path = relativePath(file.path, location);
    return path === file.path ? file : { ...file, path };
  };
  // A file that is live by another name than we would give it keeps that name, also when it gets a new deletion vector.
  const gone = new Set(removes.map((remove) => canonicalPath(remove.path, location)));
  const isLive = (path: string) => gone.has(canonicalPath(path, location));
  const checkInside = (path: string, at: string) => {
    if (!isOutside(path, location) || table.properties["deltalakedb.allowPathsOutsideTable"]) return;
    throw invalid(`the file "${path}" is not below the table's location, ${location}`, {
      at,
      code: "PATH_OUTSIDE_TABLE",
      hint: 'Copy it there and name it by its relative path, or set the table property "deltalakedb.allowPathsOutsideTable" to "true".',
    });
  };
  for (const [i, { path, deletionVector }] of adds.entries()) {
    if (!isLive(path)) checkInside(path, place("adds", i, "path"));
    if (deletionVector?.storageType !== "p") continue;
    const at = place("adds", i, "deletionVector/pathOrInlineDv");
    checkPath(deletionVector.pathOrInlineDv, at);
    if (!isLive(path)) checkInside(deletionVector.pathOrInlineDv, at);
  }
  return {
    ...actions,
    removes: spelling === "asSent" ? removes : removes.map(own),
    adds: adds.map((add) => (spelling === "asSent" && isLive(add.path) ? add : own(add))),
    others: others.map((other, i) => {
      const { cdc } = other;
      if (!isJsonObject(cdc ?? null) || typeof (cdc as { path?: unknown }).path !== "string") return other;
      const file = cdc as unknown as FileIdentity;
      checkInside(file.path, place("others", i, "path"));
      const path = relativePath(file.path, location);
      return path === file.path ? other : { cdc: { ...(cdc as object), path } };
    }),
  };
}

/** True when a remove is named by an absolute path, and so might be spelled in another way. */
export function namesAbsoluteRemoves({ removes }: CommitActions): boolean {
  return removes.some(({ path }) => /^(?:\/|[A-Za-z][A-Za-z0-9+.-]*:)/.test(path));
}
