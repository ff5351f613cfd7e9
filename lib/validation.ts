/** Checks outside input against a zod schema; what is wrong becomes one LakeError that names every culprit and suggests spellings. */

import * as z from "zod";
import { pointerToken, stringifyJson } from "./delta/values/json.ts";
import { nearestName } from "./delta/values/nearest-name.ts";
import { invalid, type LakeError } from "./errors.ts";

/** So many culprits are listed; all are counted. */
const MAX_SHOWN = 100;

type Issue = z.core.$ZodIssue;

/** One culprit. */
export interface Finding {
  /** JSON pointer. */
  readonly pointer: string;
  readonly detail: string;
  readonly hint?: string | undefined;
}

/**
 * The value as the schema wants it.
 * @param options.at JSON pointer of the value itself, before the pointers of its members
 * @param options.texts `hidden` where any of them may be a secret: messages then say what a value is, not how it reads
 * @throws LakeError invalid: the first culprit in the message, all of them in `facts.errors` when there are several
 */
export function checked<T>(
  schema: z.ZodType<T>,
  value: unknown,
  options: { readonly at?: string; readonly texts?: "shown" | "hidden" } = {},
): T {
  const looked = examined(schema, value, options);
  return "findings" in looked ? refuse(looked.findings) : looked.data;
}

/** As {@link checked}, for who tells of all culprits in another way. */
export function examined<T>(
  schema: z.ZodType<T>,
  value: unknown,
  options: { readonly at?: string; readonly texts?: "shown" | "hidden" } = {},
): { readonly data: T } | { readonly findings: readonly Finding[] } {
  const show = options.texts === "hidden" ? kindOf : shownValue;
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return { data: result.data };
  return { findings: result.error.issues.flatMap((issue) => explain(issue, schema, options.at ?? "", show)) };
}

function refuse(findings: readonly Finding[]): never {
  const [first = { pointer: "", detail: "the value is not valid" }] = findings;
  throw errorOf(first, findings);
}

function errorOf(first: Finding, findings: readonly Finding[]): LakeError {
  const others = findings.length - 1;
  return invalid(first.detail + (others > 0 ? ` (and ${others} more)` : ""), {
    at: first.pointer,
    ...(first.hint === undefined ? {} : { hint: first.hint }),
    ...(others > 0
      ? { facts: { errors: findings.slice(0, MAX_SHOWN).map(({ pointer, detail }) => ({ pointer, detail })) } }
      : {}),
  });
}

type Show = (value: unknown) => string;

function explain(issue: Issue, schema: z.ZodType, at: string, show: Show): Finding[] {
  const pointer = at + issue.path.map((key) => `/${pointerToken(String(key))}`).join("");
  if (issue.code === "unrecognized_keys") {
    const known = memberNames(schema, issue.path);
    return issue.keys.map((key) => {
      const close = nearestName(key, known);
      return {
        pointer: `${pointer}/${pointerToken(key)}`,
        detail: `unknown member "${key}"`,
        hint: close ? `Did you mean "${close}"?` : known.length > 0 ? `Known here: ${known.join(", ")}.` : undefined,
      };
    });
  }
  return [{ pointer, detail: describe(issue, show) }];
}

function describe(issue: Exclude<Issue, { code: "unrecognized_keys" }>, show: Show): string {
  const name = issue.path.at(-1);
  if (issue.input === undefined && issue.code !== "custom") {
    return name === undefined ? "nothing was given" : `"${String(name)}" is missing`;
  }
  const got = `, got ${show(issue.input)}`;
  switch (issue.code) {
    case "invalid_type":
      return `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}${got}`;
    case "invalid_value":
      return `expected ${issue.values.map((v) => JSON.stringify(v)).join(" or ")}${got}`;
    case "invalid_format":
      return `expected ${issue.format === "uuid" ? "a UUID" : issue.message}${got}`;
    case "too_small":
      return `expected ${unit(issue.origin, issue.minimum, "at least")}${got}`;
    case "too_big":
      return `expected ${unit(issue.origin, issue.maximum, "at most")}${got}`;
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Record<string, string> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "an array",
};

function unit(origin: string, bound: number | bigint, word: string): string {
  if (origin === "array") return `${word} ${bound} ${bound === 1 ? "item" : "items"}`;
  if (origin === "string") return `${word} ${bound} ${bound === 1 ? "character" : "characters"}`;
  return `${word} ${bound}`;
}

function kindOf(value: unknown): string {
  if (typeof value === "string") return `a text of ${value.length} characters`;
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "a mapping" : shownValue(value);
}

function shownValue(value: unknown): string {
  const text = stringifyJson(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The members that the schema knows at a path. */
function memberNames(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: unknown = schema;
  for (const key of [undefined, ...path]) {
    if (key !== undefined) {
      if (current instanceof z.ZodObject) current = current.shape[String(key)];
      else if (current instanceof z.ZodArray) current = current.element;
    }
    while (isWrapped(current) || current instanceof z.ZodPipe)
      current = current instanceof z.ZodPipe ? current.out : current.unwrap();
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function isWrapped(schema: unknown): schema is { unwrap(): unknown } {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
}
