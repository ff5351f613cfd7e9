/** Watches `_delta_log` from outside, while it is written: a prefix at every moment, bytes that stay, and the bank's total at equal times. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BANK_TOTAL, totalsByTime } from "./bank.ts";
import { logFolder, pause } from "./lake-client.ts";

interface SeenLog {
  readonly folder: string;
  readonly hashes: Map<number, string>;
  /** Size of each live file, by path, and what they come to after each version. */
  readonly sizes: Map<string, number>;
  readonly totals: { readonly timestamp: number; readonly total: number }[];
}

const NAME = /^(\d{20})\.json$/;

export class LogWatch {
  readonly #logs = new Map<string, SeenLog>();
  readonly #bank: readonly string[];
  readonly #anomalies: string[];
  #stopped = false;
  #watching: Promise<void> | undefined;
  /** Times at which the bank was found whole in the mirror. */
  checkedTimes = 0;
  #checkedUpTo = -1;

  constructor(storage: string, tables: readonly string[], bank: readonly string[], anomalies: string[]) {
    for (const table of tables) {
      this.#logs.set(table, { folder: logFolder(storage, table), hashes: new Map(), sizes: new Map(), totals: [] });
    }
    this.#bank = bank;
    this.#anomalies = anomalies;
  }

  start(): void {
    const watch = async () => {
      while (!this.#stopped) {
        this.look();
        await pause(50);
      }
    };
    this.#watching = watch();
  }

  /** Stops, looks once more, and reads all again to see that nothing has changed. Answers the versions in the log by table. */
  async finish(): Promise<ReadonlyMap<string, number>> {
    this.#stopped = true;
    await this.#watching;
    this.look();
    for (const [table, { folder, hashes }] of this.#logs) {
      for (const [version, hash] of hashes) {
        if (hashOf(readFileSync(commitFile(folder, version))) !== hash)
          this.#anomalies.push(`log: ${table}@${version} has other bytes by now`);
      }
    }
    return new Map([...this.#logs].map(([table, { hashes }]) => [table, hashes.size - 1]));
  }

  look(): void {
    for (const [table, log] of this.#logs) {
      const versions = existsSync(log.folder)
        ? readdirSync(log.folder)
            .flatMap((name) => NAME.exec(name)?.[1] ?? [])
            .map(Number)
            .sort((a, b) => a - b)
        : [];
      for (const version of versions.filter((v) => v >= log.hashes.size)) {
        // A listing is not of one moment: what it has missed must be there by now all the same.
        if (version > log.hashes.size && !this.#takeMissed(table, log, version)) break;
        this.#take(log, version);
      }
    }
    this.#checkBank();
  }

  #takeMissed(table: string, log: SeenLog, until: number): boolean {
    for (let version = log.hashes.size; version < until; version += 1) {
      if (!existsSync(commitFile(log.folder, version))) {
        this.#anomalies.push(`log: ${table}@${until} is published, ${version} is not`);
        return false;
      }
      this.#take(log, version);
    }
    return true;
  }

  #take(log: SeenLog, version: number): void {
    const bytes = readFileSync(commitFile(log.folder, version));
    log.hashes.set(version, hashOf(bytes));
    let timestamp = 0;
    for (const line of bytes.toString().trimEnd().split("\n")) {
      const { commitInfo, add, remove } = JSON.parse(line);
      if (commitInfo) timestamp = commitInfo.inCommitTimestamp;
      if (add) log.sizes.set(decodeURIComponent(add.path), add.size);
      if (remove) log.sizes.delete(decodeURIComponent(remove.path));
    }
    const total = [...log.sizes.values()].reduce((sum, size) => sum + size, 0);
    if (this.#bank.includes(log.folder.split("/").slice(-3, -1).join("."))) log.totals.push({ timestamp, total });
  }

  /** Up to the time that all logs of the bank have reached: what is mirrored there is whole. */
  #checkBank(): void {
    const logs = this.#bank.flatMap((table) => this.#logs.get(table) ?? []);
    const reached = Math.min(...logs.map(({ totals }) => totals.at(-1)?.timestamp ?? -1));
    // Version 0 of the tables comes before there is money in them.
    const paidIn = Math.max(...logs.map(({ totals }) => totals[1]?.timestamp ?? Number.POSITIVE_INFINITY));
    for (const [time, total] of totalsByTime(logs.map(({ totals }) => totals))) {
      if (time <= this.#checkedUpTo || time > reached || time < paidIn) continue;
      this.checkedTimes += 1;
      if (total !== BANK_TOTAL) this.#anomalies.push(`bank: the mirror holds ${total} at ${time}`);
    }
    if (reached >= paidIn) this.#checkedUpTo = Math.max(this.#checkedUpTo, reached);
  }
}

function commitFile(folder: string, version: number): string {
  return join(folder, `${String(version).padStart(20, "0")}.json`);
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
