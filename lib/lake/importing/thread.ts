/** The thread that reads a log for an import and makes it ready for SQL. It sees no database, and may end at any time. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { readyFiles } from "../../catalog/ready-files.ts";
import { openDeltaLog } from "../../log/delta-log.ts";
import { endedBy } from "../../operations/batching.ts";
import { importSegment } from "../../operations/import-rows.ts";
import { outcomeOf } from "../../outcome.ts";
import type { ImportBatch, ImportPosition, Imports, OnProgress } from "../../ports.ts";
import { openStore } from "../stores.ts";
import type { FromThread, Task, ToThread } from "./messages.ts";

/** Sent, and not yet written, as long as they have no more bytes than this: a checkpoint is decoded 20,000 files at a time, … */
const AHEAD = 12;
/** … and the database must have something to do meanwhile. Their actions are kept as long, which are a few times that. */
const AHEAD_BYTES = 8 * 2 ** 20;
/** Between two words about the progress. */
const PROGRESS_MS = 50;

if (parentPort) await work(parentPort, workerData as Task);

async function work(port: MessagePort, { start, progress }: Task): Promise<void> {
  const sending = openSending(port, progress);
  const outcome = await outcomeOf(async () => {
    const log = openDeltaLog(openStore(progress.location), progress.location);
    const tell = rarely((said) => port.postMessage({ kind: "progress", progress: said } satisfies FromThread));
    // Also where the log turns out broken: what was sent may be asked for again.
    await endedBy(sending.end, () => importSegment({ catalog: sending }, log, start, progress, tell));
  });
  port.postMessage({ kind: "end", outcome } satisfies FromThread);
  port.close();
}

function openSending(
  port: MessagePort,
  from: ImportPosition,
): Pick<Imports, "importBatches"> & { end(): Promise<void> } {
  let at: ImportPosition = { version: from.version, checkpointActions: from.checkpointActions };
  let sent = 0;
  const open = new Map<number, { readonly batches: readonly ImportBatch[]; readonly bytes: number }>();
  let bytes = 0;
  let onAnswer = () => {};
  port.on("message", ({ kind, id }: ToThread) => {
    const sending = open.get(id);
    if (sending === undefined) return;
    const { batches } = sending;
    if (kind === "again") return port.postMessage({ kind: "batches", id, batches } satisfies FromThread);
    open.delete(id);
    bytes -= sending.bytes;
    onAnswer();
  });
  const answersUntil = async (isEnough: () => boolean): Promise<void> => {
    while (!isEnough()) {
      await new Promise<void>((resolve) => {
        onAnswer = resolve;
      });
    }
  };
  return {
    async importBatches(tableId, batches) {
      const { next, files } = readyFiles(tableId, batches, at);
      at = next;
      const buffers = files?.rows.map(({ buffer }) => buffer) ?? [];
      const more = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
      await answersUntil(() => open.size === 0 || (open.size < AHEAD && bytes + more <= AHEAD_BYTES));
      sent += 1;
      open.set(sent, { batches, bytes: more });
      bytes += more;
      if (files) port.postMessage({ kind: "files", id: sent, files } satisfies FromThread, buffers);
      else port.postMessage({ kind: "batches", id: sent, batches } satisfies FromThread);
    },
    end: () => answersUntil(() => open.size === 0),
  };
}

function rarely(tell: OnProgress): OnProgress {
  let last = 0;
  return (progress) => {
    const now = performance.now();
    if (now - last < PROGRESS_MS) return;
    last = now;
    tell(progress);
  };
}
