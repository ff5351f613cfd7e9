/** Deletion vectors as texts in dl_files: what tells the file that they lie in. */

import type { DeletionVector } from "../../delta/actions.ts";
import { deletionVectorFields } from "../../delta/encode.ts";
import { jsonText } from "./values.ts";

/** `{"storageType":"u","pathOrInlineDv":"` and the 20 letters of a UUID; after a random prefix a few less, which still tell. */
const LETTERS = 57;

/** As an expression of SQL. */
export const VECTOR_FILE = `substr(deletion_vector, 1, ${LETTERS})`;

/** A vector that is named by an absolute path. */
export const SHARED_VECTOR = `substr(deletion_vector, 1, 18) = '{"storageType":"p"'`;

/** The value of {@link VECTOR_FILE} for all vectors of the file that this one lies in. */
export function vectorFile(vector: Pick<DeletionVector, "storageType" | "pathOrInlineDv">): string {
  return jsonText(deletionVectorFields({ ...vector, sizeInBytes: 0, cardinality: 0 })).slice(0, LETTERS);
}
