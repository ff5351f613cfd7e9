/** Figures that are kept: what a run measured, on which machine, by which command. */

import { fileURLToPath } from "node:url";
import type { Bench, Figures } from "./model.ts";

export interface Recorded extends Pick<Bench, "title" | "unit" | "better"> {
  readonly name: string;
  readonly machine: string;
  /** Of what was measured beside Node: `PostgreSQL 15.13 with fsync, delta-rs 1.6.6`. */
  readonly versions?: string;
  readonly command: string;
  readonly figures: readonly Figures[];
}

export function resultFile(name: string): string {
  return fileURLToPath(new URL(`../results/${name}.json`, import.meta.url));
}
