/** YAML of configuration files: parsed within bounds, and the place of each member. */

import { type Document, isMap, isNode, isScalar, isSeq, Lexer, LineCounter, Parser, parseDocument, visit } from "yaml";
import type { Position } from "../config/resolve.ts";
import { type Json, pointerToken } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";

/** Further faults of the syntax that are shown beside the first. */
const MORE_SHOWN = 4;

/** @throws LakeError invalid, with line and column */
export function parseYamlText(text: string, maxDepth: number): Json {
  const lines = new LineCounter();
  checkDepth(text, lines, maxDepth);
  // Without pretty errors: there may be thousands.
  const document = parseDocument(text, { prettyErrors: false });
  const [error, ...more] = document.errors;
  if (error) {
    const { line, col: column } = lines.linePos(error.pos[0]);
    const others = more.slice(0, MORE_SHOWN).map(({ pos, message }) => {
      const other = lines.linePos(pos[0]);
      return `; line ${other.line}, column ${other.col}: ${message}`;
    });
    const text = `${error.message}${others.join("")}`;
    throw invalid(`not YAML at line ${line}, column ${column}: ${text.slice(0, 500)}`, { facts: { line, column } });
  }
  try {
    return document.toJS() as Json;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw manyAliases(document, lines);
  }
}

/** Of each member and item, by JSON pointer: where its name stands. Empty for what is not YAML. */
export function yamlPositions(text: string): ReadonlyMap<string, Position> {
  const positions = new Map<string, Position>();
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines });
  const note = (pointer: string, offset: number | undefined) => {
    if (offset === undefined) return;
    const { line, col } = lines.linePos(offset);
    positions.set(pointer, { line, column: col });
  };
  const walk = (node: unknown, pointer: string): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const here = `${pointer}/${pointerToken(String(key.value))}`;
        note(here, key.range?.[0]);
        walk(value, here);
      }
    } else if (isSeq(node)) {
      node.items.forEach((item, i) => {
        if (isNode(item)) note(`${pointer}/${i}`, item.range?.[0]);
        walk(item, `${pointer}/${i}`);
      });
    }
  };
  if (document.errors.length === 0) walk(document.contents, "");
  return positions;
}

/** Reads no more than the nesting, which takes no recursion. */
function checkDepth(text: string, lines: LineCounter, maxDepth: number): void {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    for (const _token of parser.next(lexeme));
    // A level is a collection and the entry in it.
    if (parser.stack.length > 2 * maxDepth) {
      const { line, col: column } = lines.linePos(parser.offset);
      throw invalid(`nested more than ${maxDepth} levels deep at line ${line}, column ${column}`, {
        hint: "Settings are a few levels deep. Look for brackets that are not closed.",
        facts: { line, column },
      });
    }
  }
}

function manyAliases(document: Document, lines: LineCounter): Error {
  let offset = 0;
  visit(document, {
    Alias: (_key, alias) => {
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  const { line, col: column } = lines.linePos(offset);
  return invalid(`the aliases from line ${line}, column ${column} on unfold to too many values`, {
    hint: "Write the values out, or let fewer aliases (*name) name values that hold aliases themselves.",
    facts: { line, column },
  });
}
