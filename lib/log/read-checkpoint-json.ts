/** The top file of a V2 checkpoint in JSON (PROTOCOL.md, "V2 Spec"): lines as in a commit, and references to sidecars. */

import { ActionCollector } from "../delta/decode.ts";
import { isJsonObject, type JsonObject } from "../delta/values/json.ts";
import { corrupt } from "../errors.ts";
import type { FileAction, ObjectStore } from "../ports.ts";
import type { CheckpointPart, PartHeader } from "./checkpoint-part.ts";
import { readActions, storedAction } from "./read-commit.ts";

/** File actions per batch. */
const BATCH = 2_000;

/** Larger ones would not fit into memory; writers of many files use sidecars. */
const MAX_BYTES = 256 * 2 ** 20;

/** @param size bytes */
export async function openJsonPart(store: ObjectStore, key: string, size: number): Promise<CheckpointPart> {
  const name = key.slice(key.lastIndexOf("/") + 1);
  if (size > MAX_BYTES) {
    throw corrupt(`the checkpoint file ${name} has ${size} bytes; at most ${MAX_BYTES} are read`, {
      code: "LOG_TOO_LARGE",
      at: name,
    });
  }
  const found = await store.get(key);
  if (!found) throw corrupt(`the checkpoint file ${name} is gone`, { code: "CHECKPOINT_UNREADABLE", at: name });
  return {
    readHeader: async () => readHeader(found.bytes, name),
    readFiles: async function* () {
      yield* readFiles(found.bytes, name);
    },
  };
}

function isFileAction(action: JsonObject): boolean {
  return Object.hasOwn(action, "add") || Object.hasOwn(action, "remove");
}

function readHeader(bytes: Uint8Array, name: string): PartHeader {
  const collector = new ActionCollector({ strict: false });
  let [numAdds, numStats] = [0, 0];
  for (const { action, at } of readActions(bytes, name)) {
    if (!isFileAction(action)) storedAction(at, () => collector.collect(action, at));
    else if (isJsonObject(action.add)) {
      numAdds += 1;
      if (action.add.stats) numStats += 1;
    }
  }
  const { protocol, metadata, txns, domains, others } = collector.actions();
  const sidecars = others.flatMap(({ sidecar }) =>
    isJsonObject(sidecar) && typeof sidecar.path === "string" ? [sidecar.path] : [],
  );
  return { protocol, metadata, txns, domains, sidecars, numAdds, numStats };
}

function* readFiles(bytes: Uint8Array, name: string): Generator<readonly FileAction[]> {
  let batch: FileAction[] = [];
  for (const { action, at } of readActions(bytes, name)) {
    if (!isFileAction(action)) continue;
    const collector = new ActionCollector({ strict: false });
    storedAction(at, () => collector.collect(action, at));
    const { adds, removes } = collector.actions();
    batch.push(...adds.map((add) => ({ add })), ...removes.map((remove) => ({ remove })));
    if (batch.length >= BATCH) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
