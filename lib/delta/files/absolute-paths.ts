/** Files named from elsewhere: in a log that is not at the root of its data files, relative paths would mean others. Pure. */

import type { AddFile, CommitActions, DeletionVector, RemoveFile } from "../actions.ts";
import { isJsonObject } from "../values/json.ts";
import { deletionVectorPath } from "./file-places.ts";
import { isRelative } from "./paths.ts";

export interface PathsFrom {
  file<T extends AddFile | RemoveFile>(file: T): T;
  actions(actions: CommitActions): CommitActions;
}

/**
 * Absolute paths in place of relative ones (PROTOCOL.md, "Add File and Remove File"; "Deletion Vectors" for `p` in place of `u`).
 * @param location of the table whose actions these are
 */
export function absoluteFrom(location: string): PathsFrom {
  const root = rootUri(location);
  const absolute = (path: string) => (isRelative(path) ? `${root}/${path}` : path);
  const vector = (descriptor: DeletionVector): DeletionVector => {
    const path = descriptor.storageType === "u" ? deletionVectorPath(descriptor) : undefined;
    return path === undefined ? descriptor : { ...descriptor, storageType: "p", pathOrInlineDv: absolute(path) };
  };
  const file = <T extends AddFile | RemoveFile>(one: T): T => ({
    ...one,
    path: absolute(one.path),
    ...(one.deletionVector && { deletionVector: vector(one.deletionVector) }),
  });
  return {
    file,
    actions: (actions) => ({
      ...actions,
      adds: actions.adds.map(file),
      removes: actions.removes.map(file),
      others: actions.others.map((other) => {
        const cdc = other.cdc ?? null;
        return isJsonObject(cdc) && typeof cdc.path === "string"
          ? { ...other, cdc: { ...cdc, path: absolute(cdc.path) } }
          : other;
      }),
    }),
  };
}

/** Paths are URIs; of a place on S3 the letters stand for themselves. */
function rootUri(location: string): string {
  if (location.startsWith("file:")) return location;
  return location.replace(/^([a-z0-9]+:\/\/)(.*)$/, (_, scheme: string, rest: string) => {
    return scheme + rest.split("/").map(encodeURIComponent).join("/");
  });
}
