/** A log file that begins anew when it is full: FILE, then FILE.1 (the newest full one), FILE.2 … Each line is written at once. */

import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { errorText, invalid } from "../errors.ts";

export interface LogFile {
  /** A whole line, with its end. What cannot be written goes to stderr. */
  write(line: string): void;
}

export interface LogFileOptions {
  readonly path: string;
  readonly maxBytes: number;
  /** Full files that are kept. */
  readonly keep: number;
}

/** @throws LakeError invalid for a file that cannot be written */
export function openLogFile({ path, maxBytes, keep }: LogFileOptions): LogFile {
  let file: number;
  let size: number;
  const open = () => {
    file = openSync(path, "a");
    size = fstatSync(file).size;
  };
  try {
    mkdirSync(dirname(path), { recursive: true });
    open();
  } catch (error) {
    throw invalid(`the log file ${path} cannot be written: ${errorText(error)}`, {
      hint: "Give this user the right to write there, or name another file in logging.file.",
      cause: error,
    });
  }

  function begin(): void {
    closeSync(file);
    for (let i = keep; i > 0; i -= 1) move(i === 1 ? path : `${path}.${i - 1}`, `${path}.${i}`);
    if (keep === 0) rmSync(path, { force: true });
    open();
  }

  return {
    write(line) {
      try {
        const bytes = Buffer.byteLength(line);
        if (size > 0 && size + bytes > maxBytes) begin();
        writeSync(file, line);
        size += bytes;
      } catch (error) {
        process.stderr.write(`${path} cannot be written (${errorText(error)}): ${line}`);
      }
    },
  };
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
