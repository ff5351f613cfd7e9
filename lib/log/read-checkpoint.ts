/** Reads checkpoints of every kind: classic, in parts, V2 with or without sidecars. */

import { type CheckpointFile, LOG_FOLDER } from "../delta/files/log-files.ts";
import { corrupt } from "../errors.ts";
import type { CheckpointHeader, FileAction, ObjectStore } from "../ports.ts";
import type { CheckpointPart, PartHeader } from "./checkpoint-part.ts";
import { openJsonPart } from "./read-checkpoint-json.ts";
import { openParquetPart } from "./read-checkpoint-parquet.ts";
import { sidecarName } from "./sidecar-actions.ts";

/**
 * Everything but the file actions, which are not decoded.
 * @throws LakeError corrupt (CHECKPOINT_UNREADABLE, MALFORMED_JSON, MALFORMED_ACTION)
 */
export async function readCheckpointHeader(store: ObjectStore, checkpoint: CheckpointFile): Promise<CheckpointHeader> {
  const headers = await readHeaders(await openParts(store, checkpoint));
  const protocol = headers.findLast((header) => header.protocol)?.protocol;
  const metadata = headers.findLast((header) => header.metadata)?.metadata;
  return {
    version: checkpoint.version,
    ...(protocol && { protocol }),
    ...(metadata && { metadata }),
    txns: headers.flatMap((header) => header.txns),
    domains: headers.flatMap((header) => header.domains).filter((domain) => !domain.removed),
    hasJsonStats: await hasJsonStats(store, headers),
  };
}

/** False when there are adds, and none has JSON statistics. Looks into sidecars only until one has. */
async function hasJsonStats(store: ObjectStore, headers: readonly PartHeader[]): Promise<boolean> {
  let anyAdds = false;
  for (const { numAdds, numStats } of headers) {
    if (numStats > 0) return true;
    anyAdds ||= numAdds > 0;
  }
  for (const path of sidecarsOf(headers)) {
    const { numAdds, numStats } = await (await openSidecar(store, path)).readHeader();
    if (numStats > 0) return true;
    anyAdds ||= numAdds > 0;
  }
  return !anyAdds;
}

/** All file actions, batch by batch: the parts in the order of their names, then the sidecars as the checkpoint names them. */
export async function* readCheckpointFiles(
  store: ObjectStore,
  checkpoint: CheckpointFile,
): AsyncGenerator<readonly FileAction[]> {
  const parts = await openParts(store, checkpoint);
  const headers = await readHeaders(parts);
  const table = { hasTimestampNtz: headers.some((h) => h.metadata?.schemaString?.includes('"timestamp_ntz"')) };
  for (const part of parts) yield* part.readFiles(table);
  for (const path of sidecarsOf(headers)) {
    yield* (await openSidecar(store, path)).readFiles(table);
  }
}

/** Names of the sidecars that a checkpoint names, below `_delta_log`. */
export async function readSidecarNames(store: ObjectStore, checkpoint: CheckpointFile): Promise<string[]> {
  return [...sidecarsOf(await readHeaders(await openParts(store, checkpoint)))].map(sidecarName);
}

/** Each once: a checkpoint that names a file again and again says nothing new. */
function sidecarsOf(headers: readonly PartHeader[]): ReadonlySet<string> {
  return new Set(headers.flatMap((header) => header.sidecars));
}

async function openParts(store: ObjectStore, checkpoint: CheckpointFile): Promise<CheckpointPart[]> {
  const parts: CheckpointPart[] = [];
  for (const { name, size } of checkpoint.files) parts.push(await openPart(store, name, size));
  return parts;
}

async function readHeaders(parts: readonly CheckpointPart[]): Promise<PartHeader[]> {
  const headers: PartHeader[] = [];
  for (const part of parts) headers.push(await part.readHeader());
  return headers;
}

function openPart(store: ObjectStore, name: string, size: number): Promise<CheckpointPart> {
  const key = `${LOG_FOLDER}/${name}`;
  return name.endsWith(".json") ? openJsonPart(store, key, size) : openParquetPart(store, key, size);
}

async function openSidecar(store: ObjectStore, path: string): Promise<CheckpointPart> {
  const name = sidecarName(path);
  const key = `${LOG_FOLDER}/${name}`;
  const info = await store.head(key);
  if (info) return openParquetPart(store, key, info.size);
  throw corrupt(`the checkpoint names the sidecar ${name}, which is not in ${LOG_FOLDER}`, {
    code: "CHECKPOINT_UNREADABLE",
    at: name,
    hint: "Restore the file, or remove the checkpoint if the commits before it are all there.",
  });
}
