/** The bank: an account is a file whose size is the balance. Money moves between tables; nobody may ever see some of it missing. */

import type { LakeClient, Recorded, Snapshot, WireFile } from "./lake-client.ts";

const TABLES = ["bank.a", "bank.b", "bank.c"];
const ACCOUNTS = 4;
const START = 100;

export const BANK_TOTAL = TABLES.length * ACCOUNTS * START;

export class Bank {
  readonly tables = TABLES;
  readonly #record: Recorded;
  #last: { readonly timestamp: number; readonly transactionId: string } | undefined;
  totals = 0;

  constructor(record: Recorded) {
    this.#record = record;
  }

  async prepare(client: LakeClient): Promise<void> {
    const accounts = Array.from({ length: ACCOUNTS }, (_, i) => account(`a${i}`, START));
    const { attempt } = await client.commit(TABLES.map((table) => ({ table, readVersion: 0, adds: accounts })));
    this.#remember(attempt);
  }

  async transact(client: LakeClient): Promise<void> {
    const chance = client.random();
    if (chance < 0.1 && this.#last) return void (await this.#look(client, { transactionId: this.#last.transactionId }));
    if (chance < 0.2 && this.#last) {
      // From a moment that is settled to one at which others are still writing.
      return void (await this.#look(client, { timestamp: this.#last.timestamp + Math.floor(client.random() * 50) }));
    }
    const snapshot = await this.#look(client);
    if (chance < 0.3) return;
    const accounts = [...snapshot.tables].flatMap(([table, { version, files }]) =>
      files.map((file) => ({ table, version, file })),
    );
    const from = client.pick(accounts.filter(({ file }) => (file.size ?? 0) > 0));
    const to = client.pick(accounts.filter(({ table, file }) => table !== from.table || file.path !== from.file.path));
    const amount = 1 + Math.floor(client.random() * (from.file.size ?? 0));
    const changes = [
      { ...from, to: account(from.file.tags?.account ?? "", (from.file.size ?? 0) - amount) },
      { ...to, to: account(to.file.tags?.account ?? "", (to.file.size ?? 0) + amount) },
    ];
    // The order of tables in the request is any: the locks must not care.
    const tables = [...new Set(changes.map(({ table }) => table))];
    const { committed, attempt } = await client.commit(
      tables.map((table) => {
        const here = changes.filter((change) => change.table === table);
        return {
          table,
          readVersion: here[0]?.version ?? 0,
          // Some say what they have read; for the others what they remove must be enough.
          ...(client.random() < 0.5 ? { reads: { files: here.map(({ file }) => file.path) } } : { reads: {} }),
          removes: here.map(({ file }) => ({ path: file.path })),
          adds: here.map((change) => change.to),
        };
      }),
    );
    if (committed) this.#remember(attempt);
  }

  #remember({ transactionId, answers }: { transactionId: string; answers: readonly { committedAt: number }[] }): void {
    const timestamp = answers[0]?.committedAt;
    if (timestamp !== undefined) this.#last = { timestamp, transactionId };
  }

  async #look(client: LakeClient, at: { timestamp?: number; transactionId?: string } = {}): Promise<Snapshot> {
    const snapshot = await client.snapshot(TABLES, at);
    const total = [...snapshot.tables.values()]
      .flatMap(({ files }) => files)
      .reduce((sum, file) => sum + (file.size ?? 0), 0);
    this.totals += 1;
    if (total !== BANK_TOTAL)
      this.#record.anomalies.push(`bank: ${snapshot.name} ${JSON.stringify(at)} holds ${total}`);
    return snapshot;
  }
}

function account(name: string, balance: number): WireFile {
  return { path: `${name}/${crypto.randomUUID()}.parquet`, size: balance, tags: { account: name } };
}

/** The total after each timestamp at which money moved; anything but {@link BANK_TOTAL} is an anomaly. */
export function totalsByTime(
  tables: readonly (readonly { readonly timestamp: number; readonly total: number }[])[],
): Map<number, number> {
  const moves = tables.flatMap((states, table) => states.map((state) => ({ ...state, table })));
  const now = tables.map(() => 0);
  const totals = new Map<number, number>();
  for (const { timestamp, total, table } of moves.sort((a, b) => a.timestamp - b.timestamp)) {
    now[table] = total;
    totals.set(
      timestamp,
      now.reduce((sum, part) => sum + part, 0),
    );
  }
  return totals;
}
