/** Finds the named parameters of a statement, and refuses more than one statement, as the Data API does. */

import { DataApiError } from "./errors.ts";

/** A piece that holds no parameter, whatever is in it: literals, quoted names, dollar quotes, comments. */
const OPAQUE = [
  /[eE]'(?:[^'\\]|\\.|'')*'/y,
  /'(?:[^']|'')*'/y,
  /"(?:[^"]|"")*"/y,
  /`[^`]*`/y,
  /--[^\n]*/y,
  /\/\*[\s\S]*?\*\//y,
  /(\$[A-Za-z_]*\$)[\s\S]*?\1/y,
  // A cast is no parameter, an assignment neither; a word may hold a dollar sign.
  /::|:=/y,
  /[A-Za-z_][A-Za-z0-9_$]*/y,
];
const PARAMETER = /:([A-Za-z_][A-Za-z0-9_]*)/y;

function matchAt(form: RegExp, text: string, at: number): RegExpExecArray | null {
  form.lastIndex = at;
  return form.exec(text);
}

/**
 * The statement with each `:name` replaced by `replace(name)`.
 * @throws DataApiError when it holds several statements
 */
export function withParameters(sql: string, replace: (name: string) => string): string {
  let out = "";
  let ended = false;
  for (let at = 0; at < sql.length; ) {
    const opaque = OPAQUE.map((form) => matchAt(form, sql, at)).find((match) => match !== null)?.[0];
    const parameter = opaque === undefined ? matchAt(PARAMETER, sql, at) : null;
    const piece = opaque ?? parameter?.[0] ?? (sql[at] as string);
    const isBlank = /^(?:\s|--|\/\*)/.test(piece);
    if (ended && !isBlank) throw new DataApiError("ValidationException", "Multistatements aren't supported.");
    if (piece === ";") ended = true;
    else out += parameter?.[1] === undefined ? piece : replace(parameter[1]);
    at += piece.length;
  }
  return out;
}
