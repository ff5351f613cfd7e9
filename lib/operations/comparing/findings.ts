/** What a comparison has found so far. */

import { type FieldDrift, type FileDrift, MAX_LISTED_FILES, type OtherDrift } from "../../delta/diff.ts";

/** Gathers drift while a table is compared. */
export class Findings {
  readonly files: FileDrift[] = [];
  readonly metadata: FieldDrift[] = [];
  readonly protocol: FieldDrift[] = [];
  readonly other: OtherDrift[] = [];
  readonly notes: string[] = [];
  readonly #seen = new Set<string>();

  get fileCount(): number {
    return this.#seen.size;
  }

  /** A file that differs in the state differs in its commit, too: it counts once. */
  file(drift: FileDrift): void {
    const key = `${drift.kind}\n${drift.path}\n${drift.deletionVector ?? ""}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (this.files.length < MAX_LISTED_FILES) this.files.push(drift);
  }
}
