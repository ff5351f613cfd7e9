/** What the deletion vectors of a commit must be (PROTOCOL.md, "Deletion Vectors"), as far as their descriptors say. */

import { invalid } from "../../errors.ts";
import type { AddFile, DeletionVector } from "../actions.ts";
import type { PlaceOf } from "../fields/action-places.ts";
import { UUID_LETTERS } from "../files/file-places.ts";
import type { TableConfiguration } from "../table-configuration.ts";
import { rowsInBitmap } from "../values/row-bitmap.ts";
import { decodeZ85 } from "../values/z85.ts";

/** @throws LakeError invalid for a vector that readers cannot open */
export function checkDeletionVectors(adds: readonly AddFile[], { features }: TableConfiguration, place: PlaceOf): void {
  const supported = features.has("deletionVectors");
  for (const [i, { path, deletionVector: dv }] of adds.entries()) {
    if (dv === undefined) continue;
    const at = place("adds", i, "deletionVector");
    if (!supported) {
      throw invalid(`"${path}" has a deletion vector, but the table lacks the feature "deletionVectors"`, {
        at,
        code: "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE",
      });
    }
    const problem = vectorProblem(dv);
    if (problem === undefined) continue;
    const [member, why] = problem;
    throw invalid(`the deletion vector of "${path}" ${why}`, {
      at: place("adds", i, `deletionVector${member}`),
    });
  }
}

/** The member as the end of a JSON pointer, and what is wrong with it. */
type Problem = readonly [member: `/${keyof DeletionVector}` | "", why: string];

function vectorProblem(dv: DeletionVector): Problem | undefined {
  const { storageType, sizeInBytes, cardinality } = dv;
  if (!["u", "i", "p"].includes(storageType)) return ["", `has the unknown storageType "${storageType}"`];
  if (cardinality < 1) return ["/cardinality", "deletes no row: leave it out, or send a cardinality of 1 or more"];
  if (sizeInBytes < 1) return ["/sizeInBytes", "needs a sizeInBytes of 1 or more"];
  return storageType === "i" ? inlineProblem(dv) : fileProblem(dv);
}

function fileProblem({ storageType, pathOrInlineDv, offset }: DeletionVector): Problem | undefined {
  if (storageType === "u") {
    const uuid = pathOrInlineDv.slice(-UUID_LETTERS);
    if (uuid.length < UUID_LETTERS || decodeZ85(uuid) === undefined) {
      return ["/pathOrInlineDv", `must end in ${UUID_LETTERS} letters of base85 (Z85), which are the UUID of its file`];
    }
    const folder = pathOrInlineDv.slice(0, -UUID_LETTERS);
    if (!/^(?!\.{1,2}$)[\w.=~-]*$/.test(folder)) {
      return ["/pathOrInlineDv", `has the prefix "${folder}", which must be the plain name of a folder in the table`];
    }
  } else if (pathOrInlineDv === "") return ["/pathOrInlineDv", "names no file"];
  // The first byte of such a file is the version of its format.
  if (offset === undefined || offset < 1) return ["/offset", "is in a file, so it needs an offset of 1 or more"];
  return undefined;
}

function inlineProblem({ pathOrInlineDv, offset, sizeInBytes, cardinality }: DeletionVector): Problem | undefined {
  if (offset !== undefined) return ["/offset", "is inline and has an offset"];
  const bytes = decodeZ85(pathOrInlineDv);
  if (bytes === undefined || bytes.length === 0) {
    return ["/pathOrInlineDv", "is inline, so its text must be base85 (Z85), five letters for four bytes"];
  }
  // The last group of five letters may be padded.
  const wanted = BigInt(bytes.length);
  if (BigInt(sizeInBytes) > wanted || BigInt(sizeInBytes) <= wanted - 4n) {
    return ["/sizeInBytes", `says ${sizeInBytes} bytes, and its text has ${bytes.length}`];
  }
  const rows = rowsInBitmap(bytes.subarray(0, Number(sizeInBytes)));
  if (rows === undefined)
    return ["/pathOrInlineDv", "is inline, and its text is no RoaringBitmapArray (portable format)"];
  return rows === "unread" || BigInt(cardinality) === BigInt(rows)
    ? undefined
    : ["/cardinality", `says ${cardinality} rows, and its bitmap has ${rows}`];
}
