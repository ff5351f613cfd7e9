/** Where the CLI speaks: data on stdout, everything else on stderr; text for people or one JSON document for programs. */

import { once } from "node:events";
import { styleText } from "node:util";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import { stringifyJson } from "../delta/json.ts";
import { formatCount } from "./format.ts";

export type Format = "text" | "json" | "ndjson";

export interface Progress {
  update(progress: { readonly phase: string; readonly done: number; readonly total?: number }): void;
  stop(): void;
}

type Cell = string | number | bigint;

export class Output {
  readonly format: Format;

  constructor(format: Format) {
    this.format = format;
  }

  /** Prints a result: the value as one JSON document, or its text. */
  async result(value: unknown, text: () => string): Promise<void> {
    await this.write(this.format === "text" ? `${text().trimEnd()}\n` : `${stringifyJson(value)}\n`);
  }

  /** Writes data, and waits while the reader is slower. */
  async write(text: string): Promise<void> {
    if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain");
  }

  /** One line for people, beside the data. */
  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  /** A bar on long work, only where a person is looking. */
  progress(): Progress {
    if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
    let bar: SingleBar | undefined;
    let phase: string | undefined;
    return {
      update(progress) {
        if (progress.phase !== phase) {
          bar?.stop();
          phase = progress.phase;
          bar = newBar(progress.total !== undefined);
          bar.start(progress.total ?? 0, 0, { phase });
        }
        if (progress.total !== undefined) bar?.setTotal(progress.total);
        bar?.update(progress.done);
      },
      stop: () => bar?.stop(),
    };
  }
}

function newBar(bounded: boolean): SingleBar {
  const format = bounded ? "{phase} [{bar}] {percentage}% {value}/{total} {eta_formatted}" : "{phase} {value}";
  return new SingleBar({ stream: process.stderr, format, hideCursor: true, clearOnComplete: true }, Presets.legacy);
}

/** Columns without lines: easy on the eye, and on `awk`. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const none = { top: "", "top-mid": "", "top-left": "", "top-right": "" };
  const bottom = { bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" };
  const sides = { left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " };
  const view = new Table({
    head: [...head],
    chars: { ...none, ...bottom, ...sides },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colAligns: head.map((_, i) =>
      rows.length > 0 && rows.every((row) => typeof row[i] !== "string") ? "right" : "left",
    ),
  });
  view.push(...rows.map((row) => row.map((cell) => (typeof cell === "string" ? printable(cell) : formatCount(cell)))));
  return view
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** `name  value` lines, the values under one another. */
export function facts(pairs: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value)}`).join("\n");
}

/** Text from tables and requests must not steer a terminal: control characters are shown, not obeyed. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Colour where stdout is a terminal that wants it (NO_COLOR, FORCE_COLOR). */
export function colour(name: "green" | "red" | "yellow", text: string): string {
  return styleText(name, text, { stream: process.stdout });
}
