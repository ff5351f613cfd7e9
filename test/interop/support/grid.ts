/** What every reader made of every kind of table: collected by the cases, printed at the end. */

import type { Reading } from "./compare.ts";
import { READERS, type Reader } from "./engines.ts";

/** `refuses`: it says why it cannot; `misreads`: it reads the original wrongly, too; `wrong`: only ours. */
export const VERDICTS = ["ok", "refuses", "misreads", "wrong"] as const;
export type Verdict = (typeof VERDICTS)[number];

interface Cell {
  readonly counts: Record<Verdict, number>;
  readonly notes: string[];
}

export class Grid {
  readonly #cells = new Map<string, Map<Reader, Cell>>();

  /** What has been read, for readers that come later. */
  readonly readings = new Map<string, readonly Reading[]>();

  remember(kind: string, readings: readonly Reading[]): void {
    this.readings.set(kind, [...(this.readings.get(kind) ?? []), ...readings]);
  }

  record(kind: string, reader: Reader, verdict: Verdict, note?: string): void {
    const row = this.#cells.get(kind) ?? new Map<Reader, Cell>();
    this.#cells.set(kind, row);
    const cell = row.get(reader) ?? { counts: { ok: 0, refuses: 0, misreads: 0, wrong: 0 }, notes: [] };
    row.set(reader, cell);
    cell.counts[verdict] += 1;
    if (note !== undefined && !cell.notes.includes(note)) cell.notes.push(note);
  }

  /** The grid as Markdown, and below it what the readers said. */
  print(): string {
    const head = `| table | ${READERS.join(" | ")} |\n|---|${"---|".repeat(READERS.length)}`;
    const lines = [...this.#cells].map(
      ([kind, row]) => `| ${kind} | ${READERS.map((reader) => text(row.get(reader))).join(" | ")} |`,
    );
    const notes = [...this.#cells].flatMap(([kind, row]) =>
      [...row].flatMap(([reader, cell]) => cell.notes.map((note) => `- ${kind}, ${reader}: ${note}`)),
    );
    return `${head}\n${lines.join("\n")}\n\n${notes.join("\n")}`;
  }

  total(verdict: Verdict): number {
    return [...this.#cells.values()]
      .flatMap((row) => [...row.values()])
      .reduce((sum, cell) => sum + cell.counts[verdict], 0);
  }
}

function text(cell: Cell | undefined): string {
  if (cell === undefined) return "–";
  const { ok, refuses, misreads, wrong } = cell.counts;
  const total = ok + refuses + misreads + wrong;
  if (ok === total) return `ok (${ok})`;
  const part = (count: number, name: string) => (count > 0 ? [`${name} ${count}/${total}`] : []);
  return [...part(wrong, "**wrong**"), ...part(misreads, "misreads"), ...part(refuses, "refuses")].join(", ");
}
