/** TOML of configuration files, and the place of each member that stands on a line of its own. */

import { parse as parseToml, TomlError } from "smol-toml";
import type { Position } from "../config/resolve.ts";
import { type Json, pointerToken } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";

/** @throws LakeError invalid, with line and column */
export function parseTomlText(text: string): Json {
  try {
    return parseToml(text) as unknown as Json;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [what = ""] = error.message.split("\n");
    const { line, column } = error;
    throw invalid(`not TOML at line ${line}, column ${column}: ${what.replace(/^Invalid TOML document: /, "")}`, {
      facts: { line, column },
      cause: error,
    });
  }
}

/** The parser tells no places: names of tables and of members are at the beginning of their lines. */
const TABLE = /^\s*\[(\[?)\s*([\w."'-]{1,500})\s*\]/;
const MEMBER = /^(\s*)([\w."'-]{1,500})\s*=/;

export function tomlPositions(text: string): ReadonlyMap<string, Position> {
  const positions = new Map<string, Position>();
  const counts = new Map<string, number>();
  let table = "";
  text.split("\n").forEach((content, i) => {
    const position = { line: i + 1, column: content.length - content.trimStart().length + 1 };
    const [, isList, name] = TABLE.exec(content) ?? [];
    if (name !== undefined) {
      table = pointerOf(name);
      if (isList) {
        const index = counts.get(table) ?? 0;
        counts.set(table, index + 1);
        if (!positions.has(table)) positions.set(table, position);
        table = `${table}/${index}`;
      }
      positions.set(table, position);
      return;
    }
    const [, , member] = MEMBER.exec(content) ?? [];
    if (member !== undefined) positions.set(table + pointerOf(member), position);
  });
  return positions;
}

function pointerOf(name: string): string {
  return name
    .split(".")
    .map((key) => `/${pointerToken(key.trim().replaceAll(/^["']|["']$/g, ""))}`)
    .join("");
}
