/** Files that actions name, for looking at them before a commit. */

import type { FileFooter } from "../delta/checks/file-schema.ts";
import type { Int64 } from "../delta/values/int64.ts";

/** The files of one table. Keys are relative to its root. */
export interface TableFiles {
  /** Bytes; undefined when there is no such file. @throws LakeError unavailable when the storage cannot be asked */
  sizeOf(key: string): Promise<number | undefined>;
  /** The 32-bit big-endian number at an offset, as lengths stand in files of deletion vectors. @throws LakeError unavailable */
  lengthAt(key: string, offset: Int64): Promise<number>;
  /** What the footer of a Parquet file says. @throws LakeError corrupt for other files; unavailable */
  footerOf(key: string, size: number): Promise<FileFooter>;
}

export interface FileChecks {
  /** Opens nothing yet. After `timeoutMs` whatever is asked is answered with `unavailable`. */
  open(location: string, options: { readonly timeoutMs: number }): TableFiles;
  /** What happens to commits of which neither the request nor the table says anything. */
  readonly byDefault: "size" | "off";
}
