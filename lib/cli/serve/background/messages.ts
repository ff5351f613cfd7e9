/** What the thread of the API and the one behind it say to each other. All of it is plain data. */

import type { Config } from "../../../config.ts";
import type { MirrorWrites } from "../../../lake/local.ts";
import type { Outcome } from "../../../outcome.ts";
import type { Metrics, Woken } from "../../../ports.ts";
import type { Sample } from "../../../telemetry/samples.ts";

/** What the thread begins with. */
export interface Task {
  readonly database: string;
  readonly settings: Config;
  /** True: what it writes into SQL is written by the thread of the API, which has the one connection that writes. */
  readonly asksToWrite: boolean;
}

export type ToBackground =
  | { readonly kind: "enqueue"; readonly tables: readonly Woken[] }
  | { readonly kind: "written"; readonly id: number; readonly outcome: Outcome }
  | { readonly kind: "look"; readonly id: number }
  | { readonly kind: "stop"; readonly withinMs: number };

export type FromBackground =
  | { readonly kind: "ready" }
  | { readonly kind: "metrics"; readonly records: readonly Parameters<Metrics["record"]>[] }
  /** Of the last round of parity checks. */
  | { readonly kind: "samples"; readonly samples: readonly Sample[] }
  /** Of its log, where that is a file: one thread writes it. */
  | { readonly kind: "line"; readonly line: string }
  | WriteRequest
  | { readonly kind: "looked"; readonly id: number; readonly hanging: Hanging }
  | { readonly kind: "stopped"; readonly left: readonly string[]; readonly isStuck: boolean };

export interface WriteRequest {
  readonly kind: "write";
  readonly id: number;
  readonly name: keyof MirrorWrites;
  readonly values: readonly unknown[];
}

/** What takes long there, and for how many milliseconds. */
export interface Hanging {
  readonly folders: readonly { readonly folder: string; readonly ms: number }[];
  readonly tables: readonly { readonly tableId: string; readonly ms: number }[];
}
