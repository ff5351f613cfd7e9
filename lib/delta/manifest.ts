/**
 * The manifest of a table: an object in `_delta_log` that says which table of which catalog this is. Readers pass it over, as
 * they do all names that the protocol does not define. It is for whoever has lost the catalog (ARCHITECTURE.md D53). Pure.
 */

import { isJsonObject, type Json, type JsonObject, parseJson, stringifyJson } from "./values/json.ts";

export interface FormerName {
  readonly name: string;
  /** Milliseconds. */
  readonly since: number;
  readonly until: number;
}

export interface Manifest {
  readonly tableId: string;
  /** `namespace.name`. */
  readonly name: string;
  /** Oldest first. */
  readonly formerNames: readonly FormerName[];
  /** Where the table lives: a copy of its folder says so still, and is known by that. */
  readonly location: string;
  /** Identity of the catalog. */
  readonly catalogId: string;
  /** `moved`: the table went on at another place, and this log ends. `ejected`: it was given back, and is no table of the catalog any more. */
  readonly status: "active" | "dropped" | "moved" | "ejected";
  readonly movedTo?: string;
  /** Milliseconds; of a dropped table. */
  readonly droppedAt?: number;
  /** How often all of this has changed: of two manifests of a table the greater one is the newer. */
  readonly changes: number;
}

/** Of the form of the file. A release that does not know a form reads no manifest. */
const FORMAT = 1;

const STATUSES = ["active", "dropped", "moved", "ejected"] as const satisfies readonly Manifest["status"][];

export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${stringifyJson({ format: FORMAT, ...manifest })}\n`);
}

/** Undefined for what is no manifest that we know: it is a hint, and the log itself decides. */
export function decodeManifest(bytes: Uint8Array): Manifest | undefined {
  let value: Json;
  try {
    value = parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (!isJsonObject(value) || value.format !== FORMAT) return undefined;
  const { tableId, name, location, catalogId, status, droppedAt, movedTo, changes, formerNames = [] } = value;
  const texts = [tableId, name, location, catalogId].every((text) => typeof text === "string");
  const isKnown = texts && STATUSES.some((one) => one === status) && typeof changes === "number";
  if (!isKnown || !Array.isArray(formerNames) || !formerNames.every(isFormerName)) return undefined;
  return {
    tableId: tableId as string,
    name: name as string,
    formerNames: formerNames as unknown as readonly FormerName[],
    location: location as string,
    catalogId: catalogId as string,
    status: status as Manifest["status"],
    ...(typeof movedTo === "string" ? { movedTo } : {}),
    ...(typeof droppedAt === "number" ? { droppedAt } : {}),
    changes,
  };
}

function isFormerName(value: Json): boolean {
  const { name, since, until } = isJsonObject(value) ? value : ({} as JsonObject);
  return typeof name === "string" && typeof since === "number" && typeof until === "number";
}
