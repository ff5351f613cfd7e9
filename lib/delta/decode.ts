/** From JSON to actions: checks shapes and types, keeps unknown fields, says exactly where a value is wrong. */

import { invalid } from "../errors.ts";
import type { ActionKind, ActionPlaces } from "./action-places.ts";
import type {
  AddFile,
  CommitActions,
  CommitInfo,
  DeletionVector,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  StringMap,
  Txn,
} from "./actions.ts";
import { type Int64, int64, isInt64 } from "./int64.ts";
import { isJsonObject, type Json, type JsonObject, pointerToken, stringifyJson } from "./json.ts";

/**
 * Reads the members of one JSON object, each at most once; what is left are the unknown fields.
 * A `null` member counts as absent, as the protocol's writers use it.
 */
class Fields {
  readonly #object: JsonObject;
  readonly #at: string;
  readonly #read = new Set<string>();

  constructor(value: Json | undefined, at: string) {
    if (!isJsonObject(value)) throw wrongType(at, "an object", value);
    this.#object = value;
    this.#at = at;
  }

  optional<T>(name: string, read: (value: Json, at: string) => T): T | undefined {
    this.#read.add(name);
    const value = Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
    return value === undefined || value === null ? undefined : read(value, `${this.#at}/${name}`);
  }

  required<T>(name: string, read: (value: Json, at: string) => T): T {
    const value = this.optional(name, read);
    if (value === undefined) throw invalid(`"${name}" is missing`, { at: `${this.#at}/${name}` });
    return value;
  }

  unknown(): JsonObject | undefined {
    const left = Object.entries(this.#object).filter(([name]) => !this.#read.has(name));
    if (left.length === 0) return undefined;
    const unknown = Object.fromEntries(left);
    wellFormed(unknown, this.#at);
    return unknown;
  }
}

function wrongType(at: string, wanted: string, value: Json | undefined): Error {
  const shown = value === undefined ? "nothing" : stringifyJson(value);
  return invalid(`expected ${wanted}, got ${shown.length > 80 ? `${shown.slice(0, 80)}…` : shown}`, { at });
}

const string = (value: Json, at: string): string => {
  if (typeof value !== "string") throw wrongType(at, "a string", value);
  wellFormed(value, at);
  return value;
};
/** Refuses a lone surrogate in any text or key: UTF-8 cannot carry it (delta-rules.md §8.8). */
function wellFormed(value: Json | undefined, at: string): void {
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw invalid("the text holds a lone surrogate, which UTF-8 cannot carry", { at });
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) wellFormed(item, `${at}/${i}`);
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      wellFormed(key, at);
      wellFormed(item, `${at}/${pointerToken(key)}`);
    }
  }
}
const boolean = (value: Json, at: string): boolean => {
  if (typeof value !== "boolean") throw wrongType(at, "true or false", value);
  return value;
};
const long = (value: Json, at: string): Int64 => {
  if (isInt64(value)) return value;
  // Parquet hands out bigints for small numbers, too.
  if (typeof value === "bigint") return int64(value);
  throw wrongType(at, "a 64-bit integer", value);
};
const notNegative = (value: Json, at: string): Int64 => {
  const number = long(value, at);
  if (number < 0) throw wrongType(at, "an integer that is not negative", value);
  return number;
};
const int = (value: Json, at: string): number => {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrongType(at, "an integer", value);
  return value;
};
const object = (value: Json, at: string): JsonObject => {
  if (!isJsonObject(value)) throw wrongType(at, "an object", value);
  return value;
};
const strings = (value: Json, at: string): string[] => {
  if (!Array.isArray(value)) throw wrongType(at, "an array of strings", value);
  return value.map((item: Json, i) => string(item, `${at}/${i}`));
};
/** An object of strings; `null` values stay. */
const stringMap = (value: Json, at: string): StringMap => {
  for (const [key, item] of Object.entries(object(value, at))) {
    wellFormed(key, at);
    if (item !== null) string(item as Json, `${at}/${pointerToken(key)}`);
  }
  return value as StringMap;
};
const configuration = (value: Json, at: string): Record<string, string> => {
  for (const [key, item] of Object.entries(object(value, at))) {
    wellFormed(key, at);
    string(item as Json, `${at}/${pointerToken(key)}`);
  }
  return value as Record<string, string>;
};

/** Drops the members that are undefined, so that optional fields are absent rather than present and undefined. */
export function compact<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  for (const key in value) if (value[key] === undefined) delete value[key];
  return value as T;
}

export function decodeDeletionVector(value: Json, at: string): DeletionVector {
  const f = new Fields(value, at);
  // maxRowIndex stands in old checkpoints only; the protocol has dropped it (delta-rules.md §1).
  f.optional("maxRowIndex", long);
  return compact<DeletionVector>({
    storageType: f.required("storageType", string),
    pathOrInlineDv: f.required("pathOrInlineDv", string),
    offset: f.optional("offset", notNegative),
    sizeInBytes: f.required("sizeInBytes", notNegative),
    cardinality: f.required("cardinality", notNegative),
    unknown: f.unknown(),
  });
}

export function decodeAdd(value: Json, at: string): AddFile {
  const f = new Fields(value, at);
  return compact<AddFile>({
    path: f.required("path", string),
    partitionValues: f.optional("partitionValues", stringMap) ?? {},
    size: f.required("size", notNegative),
    modificationTime: f.required("modificationTime", long),
    dataChange: f.required("dataChange", boolean),
    stats: f.optional("stats", string) || undefined,
    tags: f.optional("tags", stringMap),
    deletionVector: f.optional("deletionVector", decodeDeletionVector),
    baseRowId: f.optional("baseRowId", notNegative),
    defaultRowCommitVersion: f.optional("defaultRowCommitVersion", notNegative),
    clusteringProvider: f.optional("clusteringProvider", string),
    unknown: f.unknown(),
  });
}

export function decodeRemove(value: Json, at: string): RemoveFile {
  const f = new Fields(value, at);
  return compact<RemoveFile>({
    path: f.required("path", string),
    deletionTimestamp: f.optional("deletionTimestamp", long),
    dataChange: f.optional("dataChange", boolean) ?? true,
    extendedFileMetadata: f.optional("extendedFileMetadata", boolean),
    partitionValues: f.optional("partitionValues", stringMap),
    size: f.optional("size", notNegative),
    stats: f.optional("stats", string) || undefined,
    tags: f.optional("tags", stringMap),
    deletionVector: f.optional("deletionVector", decodeDeletionVector),
    baseRowId: f.optional("baseRowId", notNegative),
    defaultRowCommitVersion: f.optional("defaultRowCommitVersion", notNegative),
    unknown: f.unknown(),
  });
}

export function decodeMetadata(value: Json, at: string): Metadata {
  const f = new Fields(value, at);
  return compact<Metadata>({
    id: f.required("id", string),
    name: f.optional("name", string),
    description: f.optional("description", string),
    format: f.optional("format", decodeFormat) ?? { provider: "parquet", options: {} },
    schemaString: f.optional("schemaString", string),
    partitionColumns: f.optional("partitionColumns", strings) ?? [],
    configuration: f.optional("configuration", configuration) ?? {},
    createdTime: f.optional("createdTime", long),
    unknown: f.unknown(),
  });
}

function decodeFormat(value: Json, at: string): Metadata["format"] {
  const f = new Fields(value, at);
  return compact<Metadata["format"]>({
    provider: f.optional("provider", string) ?? "parquet",
    options: f.optional("options", configuration) ?? {},
    unknown: f.unknown(),
  });
}

export function decodeProtocol(value: Json, at: string): Protocol {
  const f = new Fields(value, at);
  return compact<Protocol>({
    minReaderVersion: f.required("minReaderVersion", int),
    minWriterVersion: f.required("minWriterVersion", int),
    readerFeatures: f.optional("readerFeatures", strings),
    writerFeatures: f.optional("writerFeatures", strings),
    unknown: f.unknown(),
  });
}

export function decodeTxn(value: Json, at: string): Txn {
  const f = new Fields(value, at);
  return compact<Txn>({
    appId: f.required("appId", string),
    version: f.required("version", long),
    lastUpdated: f.optional("lastUpdated", long),
    unknown: f.unknown(),
  });
}

export function decodeDomain(value: Json, at: string): DomainMetadata {
  const f = new Fields(value, at);
  return compact<DomainMetadata>({
    domain: f.required("domain", string),
    configuration: f.optional("configuration", string) ?? "",
    removed: f.optional("removed", boolean) ?? false,
    unknown: f.unknown(),
  });
}

/** Collects the actions of one commit, one at a time, and where each of them stands. */
export class ActionCollector {
  #commitInfo: CommitInfo | undefined;
  #protocol: Protocol | undefined;
  #metadata: Metadata | undefined;
  readonly #txns: Txn[] = [];
  readonly #domains: DomainMetadata[] = [];
  readonly #removes: RemoveFile[] = [];
  readonly #adds: AddFile[] = [];
  readonly #others: { readonly [action: string]: Json }[] = [];
  readonly #places = new Map<ActionKind, string[]>();
  readonly #strict: boolean;

  /** @param options.strict refuse what a writer must not send (two metaData …); otherwise the last one wins, as readers do */
  constructor(options: { readonly strict: boolean }) {
    this.#strict = options.strict;
  }

  /**
   * Adds one action object such as `{"add":{…}}`.
   * @param at where it stands, for messages: a JSON pointer, or file and line
   * @throws LakeError invalid when it is not one action of the right shape
   */
  collect(value: Json, at: string): void {
    if (!isJsonObject(value)) throw wrongType(at, "an action object", value);
    const keys = Object.keys(value);
    const [key] = keys;
    if (key === undefined) {
      if (this.#strict) throw invalid("the action object is empty", { at });
      return;
    }
    if (keys.length > 1) {
      throw invalid(`one action per object, but this one has ${keys.map((k) => `"${k}"`).join(" and ")}`, { at });
    }
    const inside = `${at}/${pointerToken(key)}`;
    const kind = this.#decode(key, value[key] as Json, inside, at);
    const ofKind = this.#places.get(kind);
    if (ofKind) ofKind.push(inside);
    else this.#places.set(kind, [inside]);
  }

  #decode(key: string, body: Json, inside: string, at: string): ActionKind {
    switch (key) {
      case "add":
        this.#adds.push(decodeAdd(body, inside));
        return "adds";
      case "remove":
        this.#removes.push(decodeRemove(body, inside));
        return "removes";
      case "metaData":
        this.#once(this.#metadata, key, at);
        this.#metadata = decodeMetadata(body, inside);
        return "metadata";
      case "protocol":
        this.#once(this.#protocol, key, at);
        this.#protocol = decodeProtocol(body, inside);
        return "protocol";
      case "txn":
        this.#txns.push(decodeTxn(body, inside));
        return "txns";
      case "domainMetadata":
        this.#domains.push(decodeDomain(body, inside));
        return "domains";
      case "commitInfo":
        this.#once(this.#commitInfo, key, at);
        this.#commitInfo = object(body, inside);
        wellFormed(body, inside);
        return "commitInfo";
      default:
        wellFormed(key, at);
        wellFormed(body, inside);
        this.#others.push({ [key]: body });
        return "others";
    }
  }

  #once(earlier: unknown, key: string, at: string): void {
    if (this.#strict && earlier !== undefined) {
      throw invalid(`a commit holds at most one ${key} action`, { at, code: "DELTA_DUPLICATE_ACTIONS_FOUND" });
    }
  }

  actions(): CommitActions {
    return compact<CommitActions>({
      commitInfo: this.#commitInfo,
      protocol: this.#protocol,
      metadata: this.#metadata,
      txns: this.#txns,
      domains: this.#domains,
      removes: this.#removes,
      adds: this.#adds,
      others: this.#others,
    });
  }

  places(): ActionPlaces {
    return Object.fromEntries(this.#places);
  }
}
