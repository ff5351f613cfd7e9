/** How the CLI fails: what, where, what to do; never a stack, unless DL_DEBUG=1 asks for it. */

import { isLakeError, type LakeError } from "../errors.ts";
import { EXIT } from "./exit-codes.ts";
import { printable } from "./output.ts";

/** The command line itself is wrong. */
export class UsageError extends Error {}

/** Prints an error and says how to exit. */
export function reportFailure(error: unknown): number {
  const lines = describe(error);
  process.stderr.write(`${lines.map(printable).join("\n")}\n`);
  if (process.env.DL_DEBUG === "1") process.stderr.write(`${stackOf(error)}\n`);
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

function describe(error: unknown): string[] {
  if (error instanceof UsageError) return [`dl: ${error.message}`, "hint: dl --help lists commands and options."];
  if (isLakeError(error)) return describeLakeError(error);
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return [`dl: something went wrong inside dl: ${text}`, "hint: DL_DEBUG=1 shows where. Please report it."];
}

function describeLakeError(error: LakeError): string[] {
  const errors = Array.isArray(error.facts.errors) ? (error.facts.errors as { pointer: string; detail: string }[]) : [];
  const several = errors.length > 1;
  return [
    `dl: ${several ? `${errors.length} things are wrong` : error.message}`,
    ...(several ? errors.map(({ pointer, detail }) => `  ${pointer || "/"}: ${detail}`) : []),
    ...(!several && error.at ? [`at: ${error.at}`] : []),
    ...(error.hint === undefined ? [] : [`hint: ${error.hint}`]),
  ];
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
