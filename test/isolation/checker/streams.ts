/**
 * Writers that lean on less than Serializable: streams, whose batches must arrive once and in order by their txn alone, and a
 * WriteSerializable log that is appended to blindly while others compact it.
 */

import type { LakeClient, Recorded, WireFile } from "./lake-client.ts";

const STREAMS = "stream.batches";
const LOG = "stream.log";
const APPS = ["app0", "app1", "app2"];
/** The log is compacted when it has more files. */
const MANY_FILES = 25;

export class Streams {
  readonly tables = [STREAMS, LOG];
  readonly #record: Recorded;
  #appended = 0;

  constructor(record: Recorded) {
    this.#record = record;
  }

  async transact(client: LakeClient): Promise<void> {
    await (client.random() < 0.5 ? this.#batch(client) : this.#logWrite(client));
  }

  /** The next batch of a stream that several workers believe to be theirs. */
  async #batch(client: LakeClient): Promise<void> {
    const appId = client.pick(APPS);
    const { version, txns } = await client.read(`/v1/tables/${STREAMS}`);
    const last = (txns as { appId: string; version: number }[]).find((txn) => txn.appId === appId)?.version ?? 0;
    const txn = { appId, version: last + 1 };
    const adds = [{ path: `${appId}/${txn.version}-${crypto.randomUUID()}.parquet` }];
    const unread = client.random() < 0.5 ? { reads: {} } : {};
    await client.commit([{ table: STREAMS, readVersion: version as number, adds, txn, ...unread }]);
  }

  async #logWrite(client: LakeClient): Promise<void> {
    const level = "WriteSerializable" as const;
    if (client.random() < 0.6) {
      const { version } = await client.read(`/v1/tables/${LOG}`);
      // How old the version is that a blind writer knows must not matter.
      const readVersion = Math.max(0, (version as number) - Math.floor(client.random() * 3));
      await this.#commit(client, { table: LOG, readVersion, level, adds: [this.#entry()] });
      return;
    }
    const { version = 0, files = [] } = (await client.snapshot([LOG])).tables.get(LOG) ?? {};
    const reads = { wholeTable: true };
    const removes = files.length > MANY_FILES || client.random() < 0.3 ? files.map(({ path }) => ({ path })) : [];
    const rows = removes.length > 0 ? files.reduce((sum, file) => sum + rowsOf(file), 0) : 0;
    const adds = [this.#entry(rows)];
    await this.#commit(client, { table: LOG, readVersion: version, level, reads, removes, adds });
  }

  async #commit(client: LakeClient, part: Parameters<LakeClient["commit"]>[0][number]): Promise<void> {
    const { committed } = await client.commit([part]);
    if (committed) this.#appended += 1;
  }

  #entry(rowsBefore = 0): WireFile {
    const tags = { rows: String(rowsBefore + 1) };
    return { path: `log/${crypto.randomUUID()}.parquet`, tags };
  }

  /** Every row that was acknowledged is there once, and every stream has its batches 1, 2, 3 … */
  async check(
    client: LakeClient,
    batches: readonly { readonly appId: string; readonly version: number }[],
  ): Promise<void> {
    const files = (await client.snapshot([LOG])).tables.get(LOG)?.files ?? [];
    const rows = files.reduce((sum, file) => sum + rowsOf(file), 0);
    if (rows !== this.#appended)
      this.#record.anomalies.push(`log: ${this.#appended} rows were acknowledged, ${rows} are there`);
    for (const app of APPS) {
      const versions = batches.filter(({ appId }) => appId === app).map(({ version }) => version);
      const wrong = versions.findIndex((version, i) => version !== i + 1);
      if (wrong >= 0) this.#record.anomalies.push(`stream: batch ${wrong + 1} of ${app} is ${versions[wrong]}`);
    }
  }
}

function rowsOf(file: WireFile): number {
  return Number(file.tags?.rows ?? 0);
}
