/** What a plot says, in a sentence. */

import { median, shown } from "../suite/measure.ts";
import type { Bench, Figures } from "../suite/model.ts";
import type { Recorded } from "../suite/results.ts";

export const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

type Unit = Pick<Bench, "unit" | "better">;

export const unitOf = (bench: Unit, one: Figures): string => one.unit ?? bench.unit;
export const betterOf = (bench: Unit, one: Figures): Bench["better"] => one.better ?? bench.better;

/** The first of ours beside each of the others of its case, then what else we have there. */
export function sentence({ figures, ...bench }: Pick<Recorded, "figures" | "unit" | "better">, name: string): string {
  const of = figures.filter((one) => one.case === name);
  const [first, ...more] = of.filter(({ role }) => role === "ours");
  if (first === undefined) return "";
  const isMore = betterOf(bench, first) === "more";
  const figure = (one: Figures) => `${one.subject}: ${shown(median(one))} ${unitOf(bench, one)}`;
  const told = of.filter(({ role }) => role !== "ours").map((one) => beside(first, one, isMore, unitOf(bench, one)));
  const compared = told.length === 0 ? "" : `, ${told.join(", ")}`;
  return [figure(first) + compared, ...more.map(figure)].join("; ").concat(".");
}

function beside(ours: Figures, other: Figures, isMore: boolean, unit: string): string {
  const ratio = median(ours) / median(other);
  const name = other.role === "floor" && other.subject === "floor" ? "the floor" : other.subject;
  if (isMore) return `${shown(ratio)} times ${name}`;
  if (unit.startsWith("bytes")) return `${shown(ratio)} times as many as ${name}`;
  return ratio <= 1 ? `${shown(1 / ratio)} times as fast as ${name}` : `${shown(ratio)} times as long as ${name}`;
}
