/** What a benchmark is: the same work by us, by others and by the bare database, measured in turn in one run. */

import type { Peers } from "./peers.ts";

export type Role = "ours" | "peer" | "floor";

/** One who does the work. */
export interface Subject {
  readonly name: string;
  readonly role: Role;
  /** Does the work once, and answers the figure in the unit of the benchmark. */
  sample(): Promise<number>;
}

export interface Case {
  readonly name: string;
  /** Where it is another than that of the benchmark. */
  readonly unit?: string;
  readonly better?: Better;
  readonly subjects: readonly Subject[];
  close?(): Promise<unknown>;
}

export type Better = "more" | "less";

export interface Bench {
  readonly title: string;
  readonly unit: string;
  /** Which figures are good ones. */
  readonly better: Better;
  cases(context: Context): AsyncIterable<Case>;
}

export interface Context {
  /** Empty, and gone afterwards. */
  readonly folder: string;
  /** Of a server where databases may be made; absent where none was given. */
  readonly postgres?: string;
  /** Absent where no peers were asked for. */
  readonly peers?: Peers;
  /** Files of a large table, or rows of an audit trail. */
  readonly files: number;
  /** Milliseconds that a load lasts. */
  readonly loadMs: number;
}

/** The figures of one subject in one case. */
export interface Figures {
  readonly case: string;
  readonly subject: string;
  readonly role: Role;
  /** As {@link Case.unit} and {@link Case.better}. */
  readonly unit?: string;
  readonly better?: Better;
  readonly samples: readonly number[];
}
