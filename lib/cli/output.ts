/** Where the CLI speaks: data on stdout, everything else on stderr; text for people or one JSON document for programs. */

import { once } from "node:events";
import { styleText } from "node:util";
import { stringifyJson } from "../delta/values/json.ts";

export type Format = "text" | "json" | "ndjson" | "cloudevents";
/** What lists are printed as; events are the audit trail's alone. */
export type ListFormat = Exclude<Format, "cloudevents">;

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
