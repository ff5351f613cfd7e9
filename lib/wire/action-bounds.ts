/** Lengths and counts in what a contract leaves to the model: actions and predicates. What the OpenAPI document says is enforced. */

import { COUNT, TEXT } from "../delta/limits.ts";
import { isJsonObject, type Json, pointerToken } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";
import { ACTION } from "./contracts/actions.ts";
import { type JsonSchema, jsonSchemaOf } from "./json-schema.ts";

interface Bound {
  readonly text: number;
  readonly entries: number;
  readonly name: number;
  readonly member: ReadonlyMap<string, Bound>;
  /** Of other members, and of items. */
  readonly other: Bound;
}

/** Of what we do not know. */
const ANYTHING: Bound = {
  text: TEXT.document,
  entries: COUNT.columns,
  name: TEXT.column,
  member: new Map(),
  get other() {
    return ANYTHING;
  },
};

let actionBound: Bound | undefined;

/** @throws LakeError invalid with the pointer of a text that is too long, or of a list or object with too many items */
export function checkActionBounds(action: Json, at: string): void {
  if (actionBound === undefined) {
    const { components } = jsonSchemaOf(ACTION, "request");
    // That an action is one member is the decoder's to say.
    actionBound = { ...boundOf(components.Action ?? {}, components), entries: ANYTHING.entries };
  }
  check(action, actionBound, at);
}

function boundOf(schema: JsonSchema, components: Readonly<Record<string, JsonSchema>>): Bound {
  const { $ref, maxLength, maxItems, maxProperties, properties, propertyNames, additionalProperties, items } =
    schema as { readonly [keyword: string]: unknown } & { $ref?: string };
  if ($ref !== undefined) return boundOf(components[$ref.replace("#/components/schemas/", "")] ?? {}, components);
  const member = Object.entries((properties ?? {}) as Record<string, JsonSchema>).map(
    ([name, of]) => [name, boundOf(of, components)] as const,
  );
  const other = (items ?? additionalProperties) as JsonSchema | undefined;
  const known = typeof other === "object" && Object.keys(other).length > 0;
  return {
    text: (maxLength as number | undefined) ?? ANYTHING.text,
    entries: ((maxItems ?? maxProperties) as number | undefined) ?? ANYTHING.entries,
    name: ((propertyNames as JsonSchema | undefined)?.maxLength as number | undefined) ?? ANYTHING.name,
    member: new Map(member),
    other: known ? boundOf(other, components) : ANYTHING,
  };
}

function check(value: Json | undefined, bound: Bound, at: string): void {
  if (typeof value === "string") {
    if (value.length > bound.text) throw tooMuch(`a text of ${value.length} characters`, `${bound.text}`, at);
  } else if (Array.isArray(value)) {
    if (value.length > bound.entries) throw tooMuch(`a list of ${value.length} items`, `${bound.entries}`, at);
    for (let i = 0; i < value.length; i += 1) check(value[i], bound.other, `${at}/${i}`);
  } else if (isJsonObject(value)) {
    let entries = 0;
    for (const name in value) {
      entries += 1;
      if (name.length > bound.name) throw tooMuch(`a name of ${name.length} characters`, `${bound.name}`, at);
      const item = value[name];
      // Most members are short: no pointer is made for them.
      if (typeof item === "number" || typeof item === "boolean") continue;
      const inside = bound.member.get(name) ?? bound.other;
      if (typeof item === "string" && item.length <= inside.text) continue;
      check(item, inside, `${at}/${pointerToken(name)}`);
    }
    if (entries > bound.entries) throw tooMuch(`an object of ${entries} members`, `${bound.entries}`, at);
  }
}

function tooMuch(what: string, most: string, at: string): Error {
  return invalid(`${what} is more than the ${most} that are taken here`, { at, code: "TOO_LONG" });
}

/** @throws LakeError invalid when predicates hold more values in all than a commit may make us compare */
export function checkPredicateBounds(predicates: readonly Json[], at: string): void {
  let values = 0;
  const count = (value: Json | undefined): void => {
    values += 1;
    if (typeof value === "string" && value.length > TEXT.value)
      throw tooMuch("a value", `${TEXT.value} characters`, at);
    if (Array.isArray(value)) for (const item of value as readonly Json[]) count(item);
    else if (isJsonObject(value)) for (const name in value) count(value[name]);
  };
  for (const predicate of predicates) count(predicate);
  if (values > COUNT.predicateValues) throw tooMuch(`predicates of ${values} values`, `${COUNT.predicateValues}`, at);
}
