/** One line of a log, taken as Spark's JSON reader takes it: what it passes over is passed over, what it turns into text is text. Pure. */

import { isJsonObject, type Json, type JsonObject, stringifyJson } from "../delta/values/json.ts";
import { invalid } from "../errors.ts";

/** Members that Spark's log schema has as text, in whatever form they come, or in 32 bits; of others the decoders ask the type. */
type Kind = "text" | "texts" | "textMap" | "settings" | "int" | Shape;
interface Shape {
  readonly members: Readonly<Record<string, Kind>>;
  /** Without this member Spark and Delta Kernel take the whole for absent. */
  readonly namedBy?: string;
}

const FILE: Shape["members"] = {
  path: "text",
  partitionValues: "textMap",
  stats: "text",
  tags: "textMap",
  deletionVector: {
    members: { storageType: "text", pathOrInlineDv: "text", offset: "int", sizeInBytes: "int" },
    namedBy: "storageType",
  },
};

const ACTIONS: Readonly<Record<string, Shape>> = {
  add: { members: { ...FILE, clusteringProvider: "text" }, namedBy: "path" },
  remove: { members: FILE, namedBy: "path" },
  metaData: {
    members: {
      id: "text",
      name: "text",
      description: "text",
      format: { members: { provider: "text", options: "settings" } },
      schemaString: "text",
      partitionColumns: "texts",
      configuration: "settings",
    },
    namedBy: "id",
  },
  txn: { members: { appId: "text" }, namedBy: "appId" },
  protocol: {
    members: { minReaderVersion: "int", minWriterVersion: "int", readerFeatures: "texts", writerFeatures: "texts" },
  },
  domainMetadata: { members: { domain: "text", configuration: "text" }, namedBy: "domain" },
};

/** Of several actions in one line Spark's replay sees the first of this order; protocol and metaData it looks up apart. */
const SEEN_FIRST = ["add", "remove", "metaData", "txn", "protocol", "domainMetadata"];
const LOOKED_UP_APART = ["metaData", "protocol"];

/** As deep as Jackson, which Spark reads with, follows nested values. */
const MAX_DEPTH = 1000;

/**
 * The actions of a line, each in an object of its own, ready for the decoders. Null members count as absent; names that
 * the protocol does not know are actions of their own.
 * @param at file and line, for messages
 * @throws LakeError invalid when the line is no object, or holds actions of which readers see different ones
 */
export function lineActions(value: Json, at: string): JsonObject[] {
  if (!isJsonObject(value)) throw invalid("a line of the log is a JSON object, and this one is not", { at });
  checkDepth(value, at);
  const names = Object.keys(value).filter((name) => value[name] !== null);
  checkSeenByAll(names, at);
  return names.flatMap((name) => {
    const body = value[name] as Json;
    const shape = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    const normal = shape && isJsonObject(body) ? shaped(body, shape, `${at}/${name}`) : body;
    return normal === null ? [] : [{ [name]: normal }];
  });
}

function checkSeenByAll(names: readonly string[], at: string): void {
  const known = SEEN_FIRST.filter((name) => names.includes(name));
  const hidden = known.slice(1).find((name) => !LOOKED_UP_APART.includes(name));
  if (hidden === undefined) return;
  throw invalid(`the line holds both "${known[0]}" and "${hidden}", of which Spark would see only the first`, {
    at,
    hint: "A line holds one action. Put each of them on a line of its own.",
  });
}

function checkDepth(value: Json, at: string): void {
  let level: readonly Json[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw invalid(`the line nests values more than ${MAX_DEPTH} deep`, { at });
    level = level.flatMap((item) =>
      Array.isArray(item) ? item : isJsonObject(item) ? (Object.values(item) as readonly Json[]) : [],
    );
  }
}

/** The object itself where nothing is to be changed; null where the member that names it is missing. */
function shaped(object: JsonObject, { members, namedBy }: Shape, at: string): JsonObject | null {
  if (namedBy !== undefined && own(object, namedBy) === null) return null;
  const changed = Object.entries(members).flatMap(([name, kind]) => {
    const value = own(object, name);
    const normal = value === null ? null : ofKind(value, kind, `${at}/${name}`);
    return normal === value ? [] : [[name, normal] as const];
  });
  return changed.length === 0 ? object : { ...object, ...Object.fromEntries(changed) };
}

function ofKind(value: Json, kind: Kind, at: string): Json {
  if (kind === "text") return asText(value);
  if (kind === "int") return inInt(value, at);
  if (kind === "texts") return Array.isArray(value) ? value.map(asText) : value;
  if (!isJsonObject(value)) return value;
  if (typeof kind === "object") return shaped(value, kind, at);
  return textMap(value, { keepsNulls: kind === "textMap" });
}

/** A setting that is null is none, whereas a null partition value is one. */
function textMap(map: JsonObject, { keepsNulls }: { readonly keepsNulls: boolean }): JsonObject {
  const entries = Object.entries(map).map(([key, value]) => [key, asText(value ?? null)] as const);
  const kept = keepsNulls ? entries : entries.filter(([, text]) => text !== null);
  const isSame = kept.length === entries.length && entries.every(([key, text]) => map[key] === text);
  return isSame ? map : Object.fromEntries(kept);
}

function inInt(value: Json, at: string): Json {
  const number = typeof value === "number" || typeof value === "bigint" ? value : 0;
  if (number < 2 ** 31 && number >= -(2 ** 31)) return value;
  throw invalid(`expected an integer of 32 bits, got ${number}`, { at });
}

/** A text as it is; of anything else its JSON. */
function asText(value: Json): string | null {
  return value === null || typeof value === "string" ? value : stringifyJson(value);
}

function own(object: JsonObject, name: string): Json {
  return (Object.hasOwn(object, name) ? object[name] : undefined) ?? null;
}
