/** What the processes of one `dl serve` say to each other, through the one that has started them. All of it is plain data. */

import type { CacheStats, Woken } from "../../../ports.ts";
import type { Recorded } from "../../../telemetry/prometheus.ts";
import type { Sample } from "../../../telemetry/samples.ts";
import type { Hanging } from "../background/messages.ts";

/** What a process asks of others, and what each of them answers. */
export interface Answers {
  /** Of what runs behind the first one. */
  readonly hanging: Hanging;
  readonly metrics: Measured;
}

export type Question = keyof Answers;

/** What one process has measured. */
export interface Measured {
  readonly recorded: Recorded;
  /** Of the first process alone: mirror, parity and health. */
  readonly samples: readonly Sample[];
  readonly cache?: CacheStats | undefined;
}

export type FromWorker =
  /** It listens, and whoever started it has been told. */
  | { readonly kind: "serving" }
  /** For the mirror, which runs behind the first one. */
  | { readonly kind: "enqueue"; readonly tables: readonly Woken[] }
  | { readonly kind: "ask"; readonly id: number; readonly question: Question }
  | { readonly kind: "answer"; readonly to: string; readonly value: unknown };

export type ToWorker =
  | { readonly kind: "enqueue"; readonly tables: readonly Woken[] }
  /** Answered with the same `to`. */
  | { readonly kind: "asked"; readonly to: string; readonly question: Question }
  /** Of those who were there, and have answered in time. */
  | { readonly kind: "answers"; readonly id: number; readonly values: readonly unknown[] }
  | { readonly kind: "stop"; readonly signal: NodeJS.Signals };
