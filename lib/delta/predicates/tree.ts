/** The form of predicates, `and`, `or` and `not` over leaves that name one column each: what it must be, and how it is walked. */

import { invalid } from "../../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";

/** What becomes of the parts of a predicate. */
export interface Forms<N> {
  /** @param predicate with its "column" and "op", both texts */
  leaf(predicate: JsonObject & { readonly column: string; readonly op: string }, at: string): N;
  and(items: readonly N[]): N;
  or(items: readonly N[]): N;
  not(item: N): N;
}

const MAX_DEPTH = 50;

/** @throws LakeError invalid with a JSON pointer when the predicate is malformed */
export function compileTree<N>(predicate: Json | undefined, forms: Forms<N>, at: string, depth = 0): N {
  if (!isJsonObject(predicate)) throw malformed("a predicate is an object", at);
  if (depth > MAX_DEPTH) throw malformed(`predicates nest at most ${MAX_DEPTH} deep`, at);
  if ("and" in predicate) return forms.and(list(predicate, "and", forms, at, depth));
  if ("or" in predicate) return forms.or(list(predicate, "or", forms, at, depth));
  if ("not" in predicate) {
    onlyMembers(predicate, ["not"], at);
    return forms.not(compileTree(predicate.not, forms, `${at}/not`, depth + 1));
  }
  const { column, op } = predicate;
  if (typeof column !== "string") throw malformed('a predicate has "column" and "op", or "and", "or", "not"', at);
  if (typeof op !== "string") throw malformed('"op" is missing', `${at}/op`);
  return forms.leaf({ ...predicate, column, op }, at);
}

function list<N>(predicate: JsonObject, name: "and" | "or", forms: Forms<N>, at: string, depth: number): N[] {
  onlyMembers(predicate, [name], at);
  const items = predicate[name];
  if (!Array.isArray(items) || items.length === 0)
    throw malformed(`"${name}" takes a list of predicates`, `${at}/${name}`);
  return items.map((item: Json, i) => compileTree(item, forms, `${at}/${name}/${i}`, depth + 1));
}

export function onlyMembers(predicate: JsonObject, allowed: readonly string[], at: string): void {
  const other = Object.keys(predicate).find((name) => !allowed.includes(name));
  if (other !== undefined) throw malformed(`"${other}" does not belong here`, `${at}/${other}`);
}

const EXAMPLE = 'For example {"column": "day", "op": "=", "value": "2026-01-31"}.';

export function malformed(message: string, at: string, hint = EXAMPLE): Error {
  return invalid(message, { at, hint });
}
