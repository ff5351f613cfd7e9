/** Clients that commit and read without a break, as long as something is done to the deployment beneath them. */

import type { Answer } from "./emulator.ts";

export interface LoadReport {
  /** Commits that were acknowledged, and reads that were answered. */
  readonly commits: number;
  readonly reads: number;
  /** Requests that were answered with 503, and sent again. */
  readonly retried: number;
  /** Requests whose function the emulator has ended to give it new code, which Lambda lets end; sent again as they were. */
  readonly cutOff: number;
  /** Anything else that a client would have to notice. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
}

export interface Load {
  /** Counted since the last call of it, for a transcript. */
  since(): LoadReport;
  /** Lets what is under way end. @returns the version of the last commit */
  stop(): Promise<number>;
}

type Ask = (method: string, path: string, body?: object) => Promise<Answer>;

const PAUSE_MS = 300;
/** While it was at work, or started: code of ours that failed at its start would have written why. */
const CUT_OFF = /Worker process (died|exited immediately\. stderr: ")/;
/** Longer than any single step of an upgrade takes: who is told to come again for so long has been let down. */
const PATIENCE_MS = 30_000;

/** One client that commits to a table, and one that reads it. @param version of the table */
export function startLoad(ask: Ask, tableId: string, version: number): Load {
  const empty = () => ({ commits: 0, reads: 0, retried: 0, cutOff: 0, failures: [] as string[], slowestMs: 0 });
  let counted = empty();
  let head = version;
  let isOver = false;

  async function answered(what: string, wanted: number, send: () => Promise<Answer>): Promise<Answer | undefined> {
    const startedAt = Date.now();
    for (;;) {
      const answer = await send().catch((error: unknown) => ({ status: 0, text: String(error) }));
      const tookMs = Date.now() - startedAt;
      const isCutOff = answer.status === 502 && CUT_OFF.test(answer.text);
      if ((isCutOff || answer.status === 503) && tookMs < PATIENCE_MS) {
        if (isCutOff) counted.cutOff += 1;
        else counted.retried += 1;
        await pause();
        continue;
      }
      counted.slowestMs = Math.max(counted.slowestMs, tookMs);
      if (answer.status === wanted || (wanted === 201 && answer.status === 200)) return answer;
      counted.failures.push(`${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
      return undefined;
    }
  }

  async function commits(): Promise<void> {
    while (!isOver) {
      const txn = { appId: "load", version: head + 1, lastUpdated: Date.now() };
      const transactionId = crypto.randomUUID();
      const tables = [{ tableId, readVersion: head, actions: [{ txn }] }];
      const answer = await answered("commit", 201, () => ask("POST", "/v1/commits", { transactionId, tables }));
      await pause();
      if (answer === undefined) continue;
      const [table] = (JSON.parse(answer.text) as { tables: { version: number }[] }).tables;
      if (table?.version !== head + 1) counted.failures.push(`version ${table?.version} after ${head}`);
      head = table?.version ?? head;
      counted.commits += 1;
    }
  }

  async function reads(): Promise<void> {
    while (!isOver) {
      const before = head;
      const answer = await answered("read", 200, () => ask("GET", `/v1/tables/${tableId}`));
      const read = answer && (JSON.parse(answer.text) as { version: number }).version;
      if (read !== undefined && read < before) counted.failures.push(`version ${read} was read after ${before}`);
      if (read !== undefined) counted.reads += 1;
      await pause();
    }
  }

  const clients = [commits(), reads()];
  return {
    since() {
      const report = counted;
      counted = empty();
      return report;
    },
    async stop() {
      isOver = true;
      await Promise.all(clients);
      return head;
    },
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
