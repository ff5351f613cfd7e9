/** A JSON object with fields that are known by name and type, and others that are kept as they came. Pure. */

import { invalid } from "../../errors.ts";
import { type Json, type JsonObject, pointerToken } from "../values/json.ts";
import { nearestName } from "../values/nearest-name.ts";
import { checkWellFormed, type Kind, type Origin, objectOf } from "./kinds.ts";

export interface Field<T> {
  readonly kind: Kind<T>;
  /** What a missing field stands for. */
  readonly default?: T;
  readonly required?: true;
  /** One sentence for OpenAPI. */
  readonly about?: string;
  readonly example?: Json;
}

/** A field for every member of a type, in the order in which they are written. */
export type FieldsOf<T> = { readonly [K in keyof Omit<T, "unknown">]-?: Field<NonNullable<T[K]>> };

export interface RecordFields<T> {
  readonly fields: FieldsOf<T>;
  /** Names of former versions of the protocol: read, checked for nothing, and dropped. */
  readonly dropped?: readonly string[];
  /** True where writers put what they like: then a name that is near a known one is no mistake. */
  readonly free?: true;
}

type Named = Readonly<Record<string, Field<unknown>>>;

/**
 * Reads a record. A `null` member counts as absent, as the protocol's writers use it; what the fields do not name goes into
 * `unknown`, exactly as it came.
 * @throws LakeError invalid, pointing at the member
 */
export function readRecord<T>(record: RecordFields<T>, value: Json | undefined, at: string, origin: Origin): T {
  const object = objectOf(value, at);
  const fields = record.fields as Named;
  const unknown = unknownOf(fields, record.dropped ?? [], object);
  if (unknown !== undefined) {
    if (origin === "request" && !record.free) refuseMistyped(fields, object, unknown, at);
    checkWellFormed(unknown, at);
  }
  const read: Record<string, unknown> = {};
  for (const name in fields) {
    const field = fields[name] as Field<unknown>;
    const given = present(object, name);
    const item = given === undefined ? undefined : field.kind.read(given, `${at}/${name}`, origin);
    if (item === undefined && field.required) throw invalid(`"${name}" is missing`, { at: `${at}/${name}` });
    const known = item ?? field.default;
    if (known !== undefined) read[name] = known;
  }
  if (unknown !== undefined) read.unknown = unknown;
  return read as T;
}

function present(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined;
}

function unknownOf(fields: Named, dropped: readonly string[], object: JsonObject): JsonObject | undefined {
  const left = Object.keys(object).filter((name) => !Object.hasOwn(fields, name) && !dropped.includes(name));
  return left.length === 0 ? undefined : Object.fromEntries(left.map((name) => [name, object[name]]));
}

/** A field under a slightly wrong name would be kept, and nobody would read it. */
function refuseMistyped(fields: Named, object: JsonObject, unknown: JsonObject, at: string): void {
  const absent = Object.keys(fields).filter((name) => present(object, name) === undefined);
  for (const name of Object.keys(unknown)) {
    const meant = nearestName(name, absent);
    if (meant === undefined) continue;
    throw invalid(`unknown field ${JSON.stringify(name)}`, {
      at: `${at}/${pointerToken(name)}`,
      code: "UNKNOWN_FIELD",
      hint: `Did you mean "${meant}"? No reader would look at the other.`,
    });
  }
}

/** The members of a record as JSON, known fields first, in their order. */
export function writeRecord<T extends object>(record: RecordFields<T>, value: T): JsonObject {
  const fields = record.fields as Named;
  const source = value as Readonly<Record<string, unknown>>;
  const written: Record<string, Json> = {};
  for (const name in fields) {
    const item = source[name];
    if (item === undefined) continue;
    const write = (fields[name] as Field<unknown>).kind.write;
    written[name] = write === undefined ? (item as Json) : write(item);
  }
  const unknown = source.unknown as JsonObject | undefined;
  return unknown === undefined ? written : { ...written, ...unknown };
}

/** A record as the type of a field. */
export function recordKind<T extends object>(record: RecordFields<T>): Kind<T> {
  return {
    read: (value, at, origin) => readRecord(record, value, at, origin),
    write: (value) => writeRecord(record, value),
    schema: recordSchema(record),
  };
}

/** A record as JSON Schema. */
export function recordSchema<T>(record: RecordFields<T>): JsonObject {
  const fields = Object.entries(record.fields as Named);
  const required = fields.flatMap(([name, field]) => (field.required ? [name] : []));
  return {
    type: "object",
    properties: Object.fromEntries(
      fields.map(([name, { kind, about, example, default: fallback }]) => [
        name,
        {
          ...kind.schema,
          ...(about === undefined ? {} : { description: about }),
          ...(example === undefined ? {} : { example }),
          ...(fallback === undefined ? {} : { default: fallback as Json }),
        },
      ]),
    ),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: true,
  };
}
