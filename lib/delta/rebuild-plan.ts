/** Which table each log is, when all that is left are logs: by their commits, by their manifests, and by where they are. Pure. */

import { foldersOf } from "./files/locations.ts";
import type { Manifest } from "./manifest.ts";

/** A log that was found. */
export interface FoundLog {
  readonly location: string;
  readonly manifest?: Manifest;
  /** The table that its newest commit of ours names. */
  readonly author?: string;
  /** True where older commits name the manifest's table, though the newest names another one: the manifest is out of date. */
  readonly isManifestOld?: boolean;
  /** Milliseconds: of the newest commit, where that is known. */
  readonly newestAt?: number;
}

export interface FoundTable {
  readonly location: string;
  readonly tableId: string;
  readonly name: string;
  readonly manifest?: Manifest;
  /** Milliseconds. */
  readonly droppedAt?: number;
  readonly notes: readonly string[];
}

export interface SkippedLog {
  readonly location: string;
  readonly tableId?: string;
  readonly why: "foreign" | "copy" | "moved" | "ejected" | "otherCatalog" | "ambiguous";
  readonly message: string;
}

export interface RebuildPlan {
  readonly catalogId?: string;
  /** Catalogs that the manifests name, with the number of their tables; several where it is not said which one is meant. */
  readonly catalogs: Readonly<Record<string, number>>;
  readonly tables: readonly FoundTable[];
  readonly skipped: readonly SkippedLog[];
}

/**
 * @param options.catalogId which catalog is made again; that of all manifests, if absent
 * @param options.names of tables whose log does not know it, by id or location
 */
export function planRebuild(
  logs: readonly FoundLog[],
  options: { readonly catalogId?: string | undefined; readonly names?: ReadonlyMap<string, string> | undefined } = {},
): RebuildPlan {
  const skipped: SkippedLog[] = [];
  const catalogs: Record<string, number> = {};
  for (const { manifest } of logs) {
    if (manifest) catalogs[manifest.catalogId] = (catalogs[manifest.catalogId] ?? 0) + 1;
  }
  const only = Object.keys(catalogs).length === 1 ? Object.keys(catalogs)[0] : undefined;
  const catalogId = options.catalogId ?? only;
  const claims = new Map<string, FoundLog[]>();
  for (const log of logs.toSorted((a, b) => (a.location < b.location ? -1 : 1))) {
    const tableId = tableOf(log);
    if (tableId === undefined) {
      skipped.push({
        location: log.location,
        why: "foreign",
        message: "no commit and no manifest names a table of ours",
      });
    } else if (log.manifest && catalogId !== undefined && log.manifest.catalogId !== catalogId) {
      const message = `it belongs to the catalog ${log.manifest.catalogId}`;
      skipped.push({ location: log.location, tableId, why: "otherCatalog", message });
    } else if (log.manifest?.tableId === tableId && log.manifest.status === "moved") {
      const message = `the table has moved to ${log.manifest.movedTo ?? "another place"}`;
      skipped.push({ location: log.location, tableId, why: "moved", message });
    } else if (log.manifest?.tableId === tableId && log.manifest.status === "ejected") {
      const message = "the table was given back (`dl eject`): whoever writes it now, the catalog does not";
      skipped.push({ location: log.location, tableId, why: "ejected", message });
    } else claims.set(tableId, [...(claims.get(tableId) ?? []), log]);
  }
  const chosen = [...claims].flatMap(([tableId, found]) => {
    const log = theOriginal(tableId, found, skipped);
    return log === undefined ? [] : [{ tableId, log }];
  });
  const tables = named(chosen, options.names ?? new Map());
  return { ...(catalogId === undefined ? {} : { catalogId }), catalogs, tables, skipped };
}

/** The commits decide; a table that took the log of another one over and has written nothing since is in the manifest alone. */
function tableOf({ manifest, author, isManifestOld = false }: FoundLog): string | undefined {
  return isManifestOld ? author : (manifest?.tableId ?? author);
}

/** Of several logs of one table the one that is where its manifest says. */
function theOriginal(tableId: string, found: readonly FoundLog[], skipped: SkippedLog[]): FoundLog | undefined {
  const atHome = found.filter(({ location, manifest }) => manifest?.location === location);
  const newest = Math.max(...atHome.map(({ manifest }) => manifest?.changes ?? -1));
  // A log whose table has moved may not have been told; the other one has.
  const last = atHome.filter(({ manifest }) => manifest?.changes === newest);
  const original = found.length === 1 ? found[0] : last.length === 1 ? last[0] : undefined;
  for (const { location } of found) {
    if (location === original?.location) continue;
    const others = found.map((other) => other.location).filter((other) => other !== location);
    const message = original
      ? `it is a copy of the table at ${original.location}`
      : `the table is at ${others.join(", ")} as well, and no manifest says which one it is`;
    skipped.push({ location, tableId, why: original ? "copy" : "ambiguous", message });
  }
  return original;
}

interface Chosen {
  readonly tableId: string;
  readonly log: FoundLog;
}

/** No two live tables have one name: who comes second, by location, gets one that says so. */
function named(chosen: readonly Chosen[], names: ReadonlyMap<string, string>): readonly FoundTable[] {
  const taken = new Set<string>();
  return chosen.map(({ tableId, log }) => {
    const { location, newestAt = 0 } = log;
    const manifest = log.manifest?.tableId === tableId ? log.manifest : undefined;
    const notes: string[] = [];
    const given = names.get(tableId) ?? names.get(location) ?? manifest?.name;
    let name = given ?? nameByPlace(location, tableId);
    if (given === undefined) notes.push(`its log does not know its name: it is called ${name}, after its place`);
    const { droppedAt, isBack } = manifest ? dropIn(manifest, newestAt) : {};
    if (isBack) notes.push("its manifest says that it was dropped, and it has later commits: it is there again");
    if (droppedAt === undefined) {
      if (taken.has(name.toLowerCase())) {
        notes.push(`another table is called ${name}, too`);
        name = `${name}_${tableId.slice(0, 8)}`;
      }
      taken.add(name.toLowerCase());
    }
    if (manifest && manifest.location !== location) notes.push(`it was at ${manifest.location}`);
    return {
      location,
      tableId,
      name,
      ...(manifest && { manifest }),
      ...(droppedAt === undefined ? {} : { droppedAt }),
      notes,
    };
  });
}

/**
 * Whether a table is dropped: the manifest is a hint, and later commits say that it is there again.
 * @param newestAt milliseconds: of the newest commit
 */
export function dropIn(
  { status, droppedAt = 0 }: Manifest,
  newestAt: number,
): { readonly droppedAt?: number; readonly isBack?: boolean } {
  if (status !== "dropped") return {};
  return newestAt > droppedAt ? { isBack: true } : { droppedAt };
}

/** As the folders of default places are: namespace, then table. */
function nameByPlace(location: string, tableId: string): string {
  const [space = "", table = ""] = foldersOf(location)
    .slice(-2)
    .map((folder) => folder.replace(/^!/, "").replaceAll(/[^A-Za-z0-9_.-]/g, "_"));
  const name = `${space}.${table.replaceAll(".", "_")}`;
  return /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/.test(name) ? name : `rebuilt.${tableId}`;
}
