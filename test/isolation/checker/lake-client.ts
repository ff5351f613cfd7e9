/** A client of the HTTP API that loses its patience: it gives requests up half-way and sends them again, maybe to the other server. */

import { statSync } from "node:fs";
import { join } from "node:path";
import type { Attempt, FileRef, Part } from "../history.ts";
import type { Observation } from "../order.ts";

/** An add or remove action as this checker writes them, and a file as the API lists it. */
export interface WireFile {
  readonly path: string;
  readonly size?: number;
  readonly tags?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface Snapshot {
  /** Version and files by table name. */
  readonly tables: ReadonlyMap<string, { readonly version: number; readonly files: readonly WireFile[] }>;
  readonly name: string;
}

export interface Counts {
  requests: number;
  timeouts: number;
  resent: number;
  broken: number;
  replays: number;
  snapshots: number;
}

/** What all clients of a run have seen, together. */
export interface Recorded {
  readonly attempts: Attempt[];
  readonly observations: Observation[];
  /** Of a timestamp or a transaction: each is checked by itself. */
  readonly cuts: Observation[];
  readonly anomalies: string[];
  readonly counts: Counts;
  /** The highest version that a client was told of, by table. */
  readonly acknowledged: Map<string, number>;
}

export function newRecord(): Recorded {
  const counts = { requests: 0, timeouts: 0, resent: 0, broken: 0, replays: 0, snapshots: 0 };
  return { attempts: [], observations: [], cuts: [], anomalies: [], counts, acknowledged: new Map() };
}

export interface WantedPart {
  readonly table: string;
  readonly readVersion: number;
  readonly level?: Part["level"];
  readonly reads?: NonNullable<Part["reads"]>;
  readonly adds?: readonly WireFile[];
  readonly removes?: readonly WireFile[];
  readonly txn?: { readonly appId: string; readonly version: number };
  readonly domain?: { readonly domain: string; readonly configuration: string; readonly removed: boolean };
  readonly metaData?: object;
}

/** How often a request is given up, and after how long at most (ms). */
const IMPATIENCE = 0.3;
const LONGEST_TIMEOUT_MS = 60;
const MAX_SENDS = 2000;

export class LakeClient {
  readonly #urls: readonly string[];
  readonly #storage: string;
  readonly #record: Recorded;
  /** Answers a number in [0, 1). */
  readonly random: () => number;

  constructor(urls: readonly string[], storage: string, record: Recorded, random: () => number) {
    this.#urls = urls;
    this.#storage = storage;
    this.#record = record;
    this.random = random;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T;
  }

  /** A read, on any server, until one answers. */
  async read(path: string, body?: unknown): Promise<Record<string, unknown>> {
    for (let sends = 0; sends < MAX_SENDS; sends += 1) {
      const answer = await this.#send(path, body);
      if (answer?.status === 200) return answer.body;
      if (answer && answer.status !== 503)
        throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      await pause(20);
    }
    throw new Error(`${path}: no server answers`);
  }

  /** Versions of several tables that belong together, and their files. */
  async snapshot(
    tables: readonly string[],
    at: { timestamp?: number; transactionId?: string } = {},
  ): Promise<Snapshot> {
    const { acknowledged, observations, cuts, anomalies, counts } = this.#record;
    const known = new Map(acknowledged);
    const refs = tables.map((table) => ({ table }));
    const answer = await this.read("/v1/snapshots", { tables: refs, ...at });
    counts.snapshots += 1;
    const name = `snapshot ${counts.snapshots}`;
    const found = answer.tables as { table: string; version: number }[];
    const observation = { name, versions: new Map(found.map(({ table, version }) => [table, version])) };
    const now = at.timestamp === undefined && at.transactionId === undefined;
    (now ? observations : cuts).push(observation);
    const read = found.map(async ({ table, version }) => {
      if (now && version < (known.get(table) ?? 0)) {
        anomalies.push(`stale: ${name} shows ${table}@${version}, but ${known.get(table)} was acknowledged before`);
      }
      return [table, { version, files: await this.#files(table, version) }] as const;
    });
    return { name, tables: new Map(await Promise.all(read)) };
  }

  async #files(table: string, version: number): Promise<WireFile[]> {
    const files: WireFile[] = [];
    let cursor = "";
    do {
      const query = `version=${version}&limit=1000${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const page = await this.read(`/v1/tables/${table}/files?${query}`);
      files.push(...(page.files as WireFile[]));
      cursor = (page.next as string | undefined) ?? "";
    } while (cursor !== "");
    return files;
  }

  /** Sends a transaction until there is an answer. True when it was committed. */
  async commit(parts: readonly WantedPart[]): Promise<{ readonly committed: boolean; readonly attempt: Attempt }> {
    const attempt = newAttempt(parts);
    this.#record.attempts.push(attempt);
    const acknowledge = this.random() < 0.05 ? "mirrored" : "sql";
    const body = { transactionId: attempt.transactionId, acknowledge, tables: parts.map(wirePart) };
    // Some ask twice at the same moment, as a proxy does that is unsure whether it got through.
    const twin = this.random() < 0.1 ? this.#send("/v1/commits", body) : undefined;
    for (let sends = 0; sends < MAX_SENDS; sends += 1) {
      if (sends > 0) this.#record.counts.resent += 1;
      const impatient = sends < 5 && acknowledge === "sql" && this.random() < IMPATIENCE;
      const answer = await this.#send("/v1/commits", body, impatient ? this.random() * LONGEST_TIMEOUT_MS : undefined);
      if (answer === undefined || answer.status === 503) {
        if (!impatient) await pause(20);
        continue;
      }
      const committed = this.#takeAnswer(attempt, answer);
      const other = await twin;
      if (other && other.status !== 503) this.#takeAnswer(attempt, other);
      // Now and then, once more for nothing: it must be told the same.
      if (this.random() >= 0.05) return { committed, attempt };
      const again = await this.#send("/v1/commits", body);
      if (again && again.status !== 503) this.#takeAnswer(attempt, again);
      return { committed, attempt };
    }
    this.#record.anomalies.push(`no answer: ${attempt.transactionId} after ${MAX_SENDS} requests`);
    return { committed: false, attempt };
  }

  #takeAnswer(attempt: Attempt, { status, body }: { status: number; body: Record<string, unknown> }): boolean {
    const { anomalies, acknowledged, counts } = this.#record;
    if (status === 409) {
      const conflicts = (body.conflicts ?? []) as { table: string; version: number; code: string }[];
      attempt.refusals.push(conflicts.map(({ table, version, code }) => ({ table, version, code })));
      return false;
    }
    if (status !== 200 && status !== 201) {
      anomalies.push(`error: ${attempt.transactionId} was answered ${status} ${JSON.stringify(body)}`);
      return false;
    }
    if (status === 200) counts.replays += 1;
    const wired = body.tables as { version: number; inCommitTimestamp: number; mirror: string }[];
    const tables = wired.map(({ version, inCommitTimestamp }, i) => {
      return { table: attempt.parts[i]?.table ?? "", version, timestamp: inCommitTimestamp };
    });
    attempt.answers.push({ committedAt: body.committedAt as number, tables });
    for (const [i, { table, version }] of tables.entries()) {
      acknowledged.set(table, Math.max(version, acknowledged.get(table) ?? 0));
      if (wired[i]?.mirror === "COMPLETE" && !this.#isInLog(table, version)) {
        anomalies.push(`log: ${table}@${version} was called COMPLETE and is not in the log`);
      }
    }
    return true;
  }

  #isInLog(table: string, version: number): boolean {
    const file = join(logFolder(this.#storage, table), `${String(version).padStart(20, "0")}.json`);
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  }

  /** undefined when there was no answer: given up, or the server is gone. */
  async #send(path: string, body?: unknown, patienceMs?: number) {
    const { counts } = this.#record;
    counts.requests += 1;
    const init: RequestInit = patienceMs === undefined ? {} : { signal: AbortSignal.timeout(Math.ceil(patienceMs)) };
    if (body !== undefined) {
      init.method = "POST";
      init.headers = { "content-type": "application/json" };
      init.body = JSON.stringify(body);
    }
    try {
      const response = await fetch(this.pick(this.#urls) + path, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    } catch (error) {
      counts[(error as Error).name === "TimeoutError" ? "timeouts" : "broken"] += 1;
      return undefined;
    }
  }
}

export function logFolder(storage: string, table: string): string {
  return join(storage, ...table.split("."), "_delta_log");
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function newAttempt(parts: readonly WantedPart[]): Attempt {
  return {
    transactionId: crypto.randomUUID(),
    answers: [],
    refusals: [],
    parts: parts.map(({ table, readVersion, level, reads, adds = [], removes = [], txn, domain, metaData }) => ({
      table,
      readVersion,
      level: level ?? "Serializable",
      ...(reads ? { reads } : {}),
      adds: adds.map((add) => fileRef({ dataChange: true, ...add })),
      removes: removes.map((remove) => fileRef({ dataChange: true, ...remove })),
      appIds: txn ? [txn.appId] : [],
      domains: domain ? [domain.domain] : [],
      changesMetadata: metaData !== undefined,
    })),
  };
}

/** A file action as the judges see it. */
export function fileRef({ path, dataChange, deletionVector, partitionValues }: WireFile): FileRef {
  const dv = deletionVector as { storageType: string; pathOrInlineDv: string; offset?: number } | undefined;
  const [partition] = Object.values((partitionValues ?? {}) as Record<string, string>);
  return {
    path: String(path),
    dv: dv === undefined ? "" : `${dv.storageType}${dv.pathOrInlineDv}@${dv.offset}`,
    dataChange: dataChange === true,
    ...(partition === undefined ? {} : { partition }),
  };
}

function wirePart({ table, readVersion, level, reads, adds = [], removes = [], txn, domain, metaData }: WantedPart) {
  const { partitions, ...plain } = reads ?? {};
  const predicates = partitions?.map((value) => ({ column: "day", op: "=", value }));
  return {
    table,
    readVersion,
    ...(level ? { isolationLevel: level } : {}),
    ...(reads ? { reads: { ...plain, ...(predicates ? { predicates } : {}) } } : {}),
    actions: [
      ...(metaData ? [{ metaData }] : []),
      ...removes.map((remove) => ({ remove: { deletionTimestamp: 1, dataChange: true, ...remove } })),
      ...adds.map((add) => ({ add: { size: 1, partitionValues: {}, modificationTime: 1, dataChange: true, ...add } })),
      ...(txn ? [{ txn }] : []),
      ...(domain ? [{ domainMetadata: domain }] : []),
    ],
  };
}
