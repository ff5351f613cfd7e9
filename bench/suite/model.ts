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
  readonly subjects: readonly Subject[];
  close?(): Promise<unknown>;
}

export interface Bench {
  readonly title: string;
  readonly unit: string;
  /** Which figures are good ones. */
  readonly better: "more" | "less";
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
  readonly samples: readonly number[];
}
