/** What the thread that reads a log for an import and the one that writes it into SQL say to each other. All of it is plain data. */

import type { Outcome } from "../../outcome.ts";
import type { ImportBatch, ImportWork, OnProgress, ReadyFiles } from "../../ports.ts";

/** What the thread begins with. */
export type Task = Omit<ImportWork, "onProgress">;

export type FromThread =
  | { readonly kind: "files"; readonly id: number; readonly files: ReadyFiles }
  /** Of another kind than files alone, or of files that could not be written so. */
  | { readonly kind: "batches"; readonly id: number; readonly batches: readonly ImportBatch[] }
  | { readonly kind: "progress"; readonly progress: Parameters<OnProgress>[0] }
  | { readonly kind: "end"; readonly outcome: Outcome };

/** In the order of the messages that they answer. What goes wrong ends the thread. */
export interface ToThread {
  readonly kind: "written" | "again";
  readonly id: number;
}
