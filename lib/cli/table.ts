/** Tables for people. */

import Table from "cli-table3";
import { formatCount } from "./format.ts";
import { printable } from "./output.ts";

type Cell = string | number | bigint;

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
