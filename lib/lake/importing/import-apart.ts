/**
 * An import with a thread of its own for the log: it reads, decodes, hashes, and hands over bytes as the database takes them, which this
 * thread only sends. So both cores are at work beside the database, and a server goes on answering meanwhile.
 */

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { errorText, unavailable } from "../../errors.ts";
import { resultOf } from "../../outcome.ts";
import type { ImportBatch, Imports, ImportWork } from "../../ports.ts";
import { countUntil } from "../stores.ts";
import type { FromThread, Task, ToThread } from "./messages.ts";

/** Bytes of a log from which on a thread is worth its start: some ten thousand files. */
const WORTH_A_THREAD = 4 * 2 ** 20;
/** Bytes in a checkpoint are so many in commits. */
const CHECKPOINT_FACTOR = 4;
const THREAD = new URL(`./thread${extname(import.meta.url)}`, import.meta.url);

/**
 * @param options.worth bytes of a log from which on there is a thread
 * @returns false for a log that is not worth it, or a catalog that takes no such rows: nothing was done
 * @throws LakeError as `importSegment` of operations/import-rows.ts; unavailable where the thread has ended
 */
export async function importApart(
  catalog: Imports,
  { start, progress, onProgress }: ImportWork,
  { worth = WORTH_A_THREAD, thread = THREAD }: { readonly worth?: number; readonly thread?: URL } = {},
): Promise<boolean> {
  const { commits, checkpoint } = start.segment;
  const sizeOf = (files: readonly { readonly size: number }[]) => files.reduce((sum, { size }) => sum + size, 0);
  const size = sizeOf(commits) + CHECKPOINT_FACTOR * sizeOf(checkpoint?.files ?? []);
  if (catalog.importReady === undefined || size < worth) return false;
  const task: Task = { start, progress };
  const worker = new Worker(thread, { workerData: task });
  try {
    await writing(worker, catalog, { start, progress, onProgress });
    return true;
  } finally {
    // It ends when all its steps have returned: one in a folder that hangs is waited for by nobody.
    countUntil(worker.terminate());
  }
}

/** Writes what the thread sends, one after the other, until it has come to its end. */
function writing(worker: Worker, catalog: Imports, { progress, onProgress }: ImportWork): Promise<void> {
  const say = (message: ToThread) => worker.postMessage(message);
  const again = new Map<number, PromiseWithResolvers<readonly ImportBatch[]>>();
  let gone: Error | undefined;
  const inFull = async (id: number): Promise<readonly ImportBatch[]> => {
    // A write that was under way when the thread ended asks only now.
    if (gone !== undefined) throw gone;
    const asked = Promise.withResolvers<readonly ImportBatch[]>();
    again.set(id, asked);
    say({ kind: "again", id });
    return asked.promise;
  };

  async function write(message: Extract<FromThread, { readonly id: number }>): Promise<void> {
    const { id } = message;
    const isWritten = message.kind === "files" && (await catalog.importReady?.(message.files));
    if (!isWritten) {
      const batches = message.kind === "batches" ? message.batches : await inFull(id);
      await catalog.importBatches(progress.tableId, batches);
    }
    say({ kind: "written", id });
  }

  let written = Promise.resolve();
  let hasEnded = false;
  return new Promise((resolve, reject) => {
    // What was sent before comes to its end in any case: whoever begins again must not meet it.
    const failed = (why: string) => {
      if (hasEnded) return;
      hasEnded = true;
      const error = ended(why);
      gone = error;
      for (const asked of again.values()) asked.reject(error);
      void written.catch(() => undefined).then(() => reject(error));
    };
    worker.on("error", (error) => failed(errorText(error)));
    worker.on("messageerror", (error) => failed(errorText(error)));
    worker.on("exit", () => failed("it has ended before the import"));
    worker.on("message", (message: FromThread) => {
      if (message.kind === "progress") return onProgress(message.progress);
      if (message.kind === "end") {
        hasEnded = true;
        return void written.then(() => void resultOf(message.outcome)).then(resolve, reject);
      }
      const asked = again.get(message.id);
      if (asked && message.kind === "batches") {
        again.delete(message.id);
        return asked.resolve(message.batches);
      }
      written = written.then(() => write(message));
      written.catch(reject);
    });
  });
}

function ended(why: string): Error {
  return unavailable(`the thread that reads the log has failed: ${why}`, {
    hint: "The same import again carries on where this one has got to.",
  });
}
