/** The `_delta_log` of one table over an object store: the one implementation of the DeltaLog port. */

import {
  commitFileName,
  isCommitName,
  type ListedFile,
  LOG_FOLDER,
  MANIFEST,
  MOVED_MARK,
  SIDECARS_FOLDER,
  sortLogFiles,
  versionName,
} from "../delta/files/log-files.ts";
import { isLakeError, notFound, unavailable } from "../errors.ts";
import type { DeltaLog, ObjectStore } from "../ports.ts";
import { readLastCheckpoint } from "./last-checkpoint.ts";
import { parseCommit } from "./read-commit.ts";
import { setAside } from "./set-aside.ts";

const PREFIX = `${LOG_FOLDER}/`;
const STAGED = "_staged_commits/";

// Parquet is loaded by the first checkpoint: most who open a log read and write commits alone, and must not wait for it.
const reading = () => import("./read-checkpoint.ts");
const writing = () => import("./write-checkpoint.ts");
const sidecars = () => import("./write-sidecars.ts");

/**
 * @param store rooted at the table
 * @param location of the table, for messages
 */
export function openDeltaLog(store: ObjectStore, location: string): DeltaLog {
  const commitKey = (version: number): string => PREFIX + commitFileName(version);
  return {
    location,
    list: async () => sortLogFiles(await listLog(store, location)),
    listFrom: async (version, options) => sortLogFiles(await listVersions(store, version, options)),
    readCommit: async (version) => {
      const found = await store.get(commitKey(version));
      if (!found) {
        throw notFound(`${location} has no ${commitKey(version)}`, { code: "VERSION_NOT_FOUND", facts: { version } });
      }
      const actions = parseCommit(found.bytes, commitFileName(version));
      return { version, actions, modifiedAt: found.info.modifiedAt, bytes: found.bytes };
    },
    readCommitBytes: async (version) => (await store.get(commitKey(version)))?.bytes,
    readCheckpointHeader: async (checkpoint) => (await reading()).readCheckpointHeader(store, checkpoint),
    async *readCheckpointFiles(checkpoint) {
      yield* (await reading()).readCheckpointFiles(store, checkpoint);
    },
    // Only a hint: a listing decides in any case, so no trouble with it is an error.
    readLastCheckpoint: () => readLastCheckpoint(store).catch(() => undefined),
    putCommit: (version, bytes, { timestamp }) => putCommit(store, commitKey(version), bytes, timestamp),
    replaceCommit: (version, change, { timestamp }) =>
      store.replaceIf(commitKey(version), change, { modifiedAt: timestamp }),
    removeFile: async (name, bytes) => {
      const held = bytes ?? (await store.get(PREFIX + name))?.bytes;
      return held !== undefined && store.removeIf(PREFIX + name, held);
    },
    listSidecars: () => listSidecars(store),
    readSidecarNames: async (checkpoint) => (await reading()).readSidecarNames(store, checkpoint),
    removeFiles: async (names) => {
      const failed = await store.remove(names.map((name) => PREFIX + name));
      return failed.map(({ key, error }) => ({ key: key.slice(PREFIX.length), error }));
    },
    setAside: (name, folder) => setAside(store, name, folder),
    readManifest: async () => (await store.get(PREFIX + MANIFEST))?.bytes,
    putManifest: async (bytes, { from }) =>
      from === undefined
        ? (await store.putIfAbsent(PREFIX + MANIFEST, bytes)) === "created"
        : store.replaceIf(PREFIX + MANIFEST, { from, to: bytes }),
    markMoved: async (bytes) => void (await store.putIfAbsent(PREFIX + MOVED_MARK, bytes)),
    putCheckpoint: async (content) => (await writing()).putCheckpoint(store, content),
    readSidecars: async (...args) => (await sidecars()).readSidecars(store, ...args),
    isBroken: async (version) => (await sidecars()).isBroken(store, version),
    putSidecarCheckpoint: async (content) => (await sidecars()).putSidecarCheckpoint(store, content),
  };
}

/** Files that are directly in `_delta_log`, and staged commits, of which only the existence matters. */
async function listLog(store: ObjectStore, location: string): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  let anything = false;
  for await (const { key, size, modifiedAt } of store.list(PREFIX)) {
    anything = true;
    const name = key.slice(PREFIX.length);
    if (!name.includes("/") || name.startsWith(STAGED)) files.push({ name, size, modifiedAt });
  }
  if (anything) return files;
  throw notFound(`there is no Delta table at ${location}: it has no ${LOG_FOLDER}`, {
    code: "NO_DELTA_LOG",
    hint: `Name the folder that contains ${LOG_FOLDER}.`,
    facts: { location },
  });
}

async function listSidecars(store: ObjectStore): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  for await (const { key, size, modifiedAt } of store.list(`${PREFIX}${SIDECARS_FOLDER}/`)) {
    files.push({ name: key.slice(PREFIX.length), size, modifiedAt });
  }
  return files;
}

/** Names that begin with a version come first, then ours, then those of sidecars, which may be many. */
async function listVersions(
  store: ObjectStore,
  from: number,
  { commitNames = false }: { readonly commitNames?: boolean } = {},
): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  const startAfter = PREFIX + (from === 0 ? "" : versionName(from));
  const keyIsEnough = (key: string) => commitNames && isCommitName(key.slice(PREFIX.length));
  for await (const { key, size, modifiedAt } of store.list(PREFIX, { startAfter, keyIsEnough })) {
    const name = key.slice(PREFIX.length);
    if (name > MOVED_MARK) break;
    if (!name.includes("/") && (name < "A" || name === MOVED_MARK)) files.push({ name, size, modifiedAt });
  }
  return files;
}

/** One that hangs is soon given up, and the next goes another way; a whole new try of the mirror would cost seconds. */
const PUTS = 2;

/**
 * ARCHITECTURE.md D7. The put is the commit point of publishing; what it answers is never believed when it did not answer clearly:
 * the bytes that are there decide. So two workers that publish the same version are harmless.
 */
async function putCommit(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  modifiedAt: number,
): Promise<"published" | "exists"> {
  let failure: unknown;
  for (let tries = 0; tries < PUTS; tries += 1) {
    try {
      if ((await store.putIfAbsent(key, bytes, { modifiedAt })) === "created") return "published";
      failure = undefined;
    } catch (error) {
      if (!isLakeError(error, "unavailable")) throw error;
      failure = error;
    }
    const found = await readBack(store, key, failure);
    if (found) return Buffer.compare(found, bytes) === 0 ? "published" : "exists";
  }
  throw failure ?? unavailable(`${key} was there and is gone again: another program removes log files`);
}

/** What is under a key; when that cannot be read either, the first failure is the one to report. */
async function readBack(store: ObjectStore, key: string, failure: unknown): Promise<Uint8Array | undefined> {
  try {
    return (await store.get(key))?.bytes;
  } catch (error) {
    throw failure ?? error;
  }
}
