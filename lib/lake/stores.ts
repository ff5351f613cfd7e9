/** The object store of a location: a folder, or a prefix in a bucket. S3's SDK is loaded at the first call that needs it. */

import { randomUUID } from "node:crypto";
import { cannotHold } from "../delta/files/locations.ts";
import { LOG_FOLDER } from "../delta/files/log-files.ts";
import { invalid } from "../errors.ts";
import { openDataFiles } from "../files/data-files.ts";
import { openTableFiles } from "../files/table-files.ts";
import type { DataFiles, FileChecks, ObjectStore, S3Access } from "../ports.ts";
import { openFileStore } from "../storage/file.ts";
import { fromLocation, fromS3Location } from "./location.ts";

/** Opens nothing yet. @throws LakeError invalid for storage that is not known here */
export function openStore(location: string): ObjectStore {
  const place = fromS3Location(location);
  if (!place) return openFileStore(fromLocation(location));
  return openLater(async () => {
    const { openS3Store } = await import("../storage/s3.ts");
    return openS3Store(place);
  });
}

/**
 * Puts an object into the log as the mirror does, twice, and takes it away again: the second put must find the first.
 * @throws LakeError invalid LOCATION_NOT_WRITABLE; unavailable
 */
export async function tryStore(store: ObjectStore, location: string): Promise<void> {
  // With the dot no listing of a log from a version on comes by it.
  const key = `${LOG_FOLDER}/.dl-try-${randomUUID()}`;
  try {
    const answers = [await store.putIfAbsent(key, TRIED), await store.putIfAbsent(key, TRIED)];
    if (answers.join() === "created,exists") return;
    throw invalid(`an object that was put if absent was ${answers.join(", then ")}`, {
      hint: "Use a store that knows conditional writes: without them one writer would overwrite the other.",
    });
  } catch (error) {
    throw cannotHold(location, error);
  } finally {
    // Who may write and not remove leaves an empty object behind that nobody looks at.
    await store.removeIf(key, TRIED).catch(() => false);
  }
}

const TRIED = new TextEncoder().encode("deltalakedb tries whether it can write here");

/** Asks a storage for anything: any answer will do. @throws LakeError unavailable; invalid when it is refused */
export async function askStorage(location: string): Promise<void> {
  await openStore(location).head("_delta_log/_last_checkpoint");
}

/** How this process reaches S3, for a gateway in front of it. */
export async function s3Access(): Promise<S3Access> {
  return (await import("../storage/s3-access.ts")).s3Access();
}

export { countUntil, hangingFolders, stepsUnderWay } from "../storage/folder-steps.ts";

/** The files below the root of a table. */
export function dataFilesAt(location: string): DataFiles {
  return openDataFiles(openStore(location), location);
}

/** What looks at the files that commits name. */
export function fileChecks(byDefault: FileChecks["byDefault"]): FileChecks {
  return { byDefault, open: (location, options) => openTableFiles(openStore(location), options) };
}

/** A store that is opened by its first call: whoever works with folders need not wait for a megabyte of SDK. */
function openLater(open: () => Promise<ObjectStore>): ObjectStore {
  let opened: Promise<ObjectStore> | undefined;
  const store = (): Promise<ObjectStore> => {
    opened ??= open();
    return opened;
  };
  return {
    async *list(prefix, options) {
      yield* (await store()).list(prefix, options);
    },
    async *listFolders(prefix) {
      yield* (await store()).listFolders(prefix);
    },
    head: async (key, options) => (await store()).head(key, options),
    get: async (key) => (await store()).get(key),
    getRange: async (key, start, end, options) => (await store()).getRange(key, start, end, options),
    putIfAbsent: async (key, body, options) => (await store()).putIfAbsent(key, body, options),
    put: async (key, body) => (await store()).put(key, body),
    replaceIf: async (key, change, options) => (await store()).replaceIf(key, change, options),
    removeIf: async (key, bytes) => (await store()).removeIf(key, bytes),
    remove: async (keys) => (await store()).remove(keys),
  };
}
