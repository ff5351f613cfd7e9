/** What our V2 checkpoints say of their sidecars: written into the tags of the actions that name them, and read back. */

import { createHash } from "node:crypto";
import type { Metadata } from "../delta/actions.ts";
import { checkpointFileName, type ListedFile, LOG_FOLDER, SIDECARS_FOLDER } from "../delta/files/log-files.ts";
import { canonicalPath } from "../delta/files/paths.ts";
import type { Fingerprint } from "../delta/fingerprint.ts";
import { isJsonObject, type Json, parseJson, stringifyJson } from "../delta/values/json.ts";
import type { ColumnFilter } from "../parquet/read/columns.ts";
import { isAllNull, openParquetFile } from "../parquet/read/file.ts";
import { plainJson } from "../parquet/read/values.ts";
import type { ObjectStore, Sidecar } from "../ports.ts";
import { openSidecarColumns, type SidecarAction } from "./checkpoint-rows.ts";

/** The tag with all that is ours. */
const TAG = "deltalakedb";
/** Changes when the same files would be written in another way. */
const ENCODING = 1;

/** Below `_delta_log`. Sidecars always lie in the table's own folder for them; only the last segment of the path counts (PROTOCOL.md, "Sidecar File Information"). */
export function sidecarName(path: string): string {
  return `${SIDECARS_FOLDER}/${canonicalPath(path.slice(path.lastIndexOf("/") + 1))}`;
}

export const sidecarKey = (path: string): string => `${LOG_FOLDER}/${sidecarName(path)}`;

/** Says in which columns the sidecars of a checkpoint are: those of another form are not named again. */
export function formatTags(metadata: Metadata): Record<string, string> {
  const { add, remove } = openSidecarColumns(metadata);
  const columns = `${ENCODING} ${add.type} ${remove.type}`;
  return { [TAG]: createHash("sha256").update(columns).digest("hex") };
}

export function sidecarAction({ path, sizeInBytes, modificationTime, ...facts }: Sidecar): SidecarAction {
  return { path, sizeInBytes, modificationTime, tags: { [TAG]: stringifyJson({ ...facts }) } };
}

/** The same bytes have the same name, so that two workers who do the same write one file. */
export function nameOf(bytes: Uint8Array): string {
  const hex = createHash("sha256").update(bytes).digest("hex");
  return `${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-")}.parquet`;
}

const COLUMNS: ColumnFilter = (path) => path.startsWith("sidecar.") || path.startsWith("checkpointMetadata.");

export interface NamedSidecars {
  /** Of all sidecars that the checkpoint names. */
  readonly paths: readonly string[];
  /** undefined where one is not ours. */
  readonly own: readonly Sidecar[] | undefined;
  readonly format: string | undefined;
  readonly rows: number;
  /** The file itself. */
  readonly top: ListedFile;
}

/** undefined where there is no checkpoint of a classic name, or it names none. @throws LakeError corrupt, unavailable */
export async function readNamed(store: ObjectStore, version: number): Promise<NamedSidecars | undefined> {
  const key = `${LOG_FOLDER}/${checkpointFileName(version)}`;
  const info = await store.head(key);
  if (info === undefined) return undefined;
  const file = await openParquetFile({ store, key, size: info.size, unreadable: "CHECKPOINT_UNREADABLE" });
  if (!file.schema.children.some(({ element }) => element.name === "sidecar")) return undefined;
  const found: Json[] = [];
  let format: string | undefined;
  for (const range of file.ranges(
    file.groups.filter((group) => !isAllNull(group, COLUMNS)),
    COLUMNS,
  )) {
    for (const row of await file.readRows(range, COLUMNS)) {
      const sidecar = plainJson(row.sidecar);
      if (isJsonObject(sidecar) && typeof sidecar.path === "string") found.push(sidecar);
      format = tagOf(plainJson(row.checkpointMetadata)) ?? format;
    }
  }
  if (found.length === 0 && format === undefined) return undefined;
  const own = found.flatMap((action) => ownSidecar(action) ?? []);
  return {
    paths: found.map((action) => String((action as { path: string }).path)),
    own: own.length === found.length ? own : undefined,
    format,
    rows: file.groups.reduce((sum, group) => sum + Number(group.num_rows), 0),
    top: { name: checkpointFileName(version), size: info.size, modifiedAt: info.modifiedAt },
  };
}

function tagOf(action: Json): string | undefined {
  const tags = isJsonObject(action) ? action.tags : undefined;
  const tag = isJsonObject(tags) ? tags[TAG] : undefined;
  return typeof tag === "string" ? tag : undefined;
}

function ownSidecar(action: Json): Sidecar | undefined {
  if (!isJsonObject(action)) return undefined;
  const { path, sizeInBytes, modificationTime } = action;
  const tag = tagOf(action);
  const facts = tag === undefined ? undefined : parsed(tag);
  if (!isJsonObject(facts)) return undefined;
  const { kind, files, text, end, fingerprint } = facts;
  if (typeof path !== "string" || typeof end !== "string" || !isFingerprint(fingerprint)) return undefined;
  if (kind !== "adds" && kind !== "removes") return undefined;
  if (!isCount(sizeInBytes) || !isCount(modificationTime) || !isCount(files) || !isCount(text)) return undefined;
  return { path, sizeInBytes, modificationTime, kind, files, text, end, fingerprint };
}

function parsed(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isFingerprint(value: Json | undefined): value is Json & Fingerprint {
  return Array.isArray(value) && value.length === 4 && value.every((lane) => isCount(lane) && lane < 2 ** 32);
}
