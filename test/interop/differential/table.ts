/** A table of the differential test: made through the service, filled with good files, and mutated. */

import { randomUUID } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FEATURES } from "../../../lib/delta/features.ts";
import { type JsonObject, parseJson, stringifyJson } from "../../../lib/delta/values/json.ts";
import type { Row } from "../support/engines.ts";
import { logName } from "../support/golden.ts";
import type { Answer, Service } from "../support/service.ts";
import { ANY, type Base, type Case, type Sent, type Standing, type StoredFile } from "./case.ts";
import { FILES, type Store } from "./store.ts";

/** A checkpoint of ours follows every so many versions. */
export const INTERVAL = 3;
/** Files that a good table has before it is mutated. */
export const GOOD_FILES = 2;

export class Table {
  readonly base: Base;
  readonly name: string;
  readonly folder: string;
  /** Files and rows as the requests that were taken imply them. */
  live: readonly StoredFile[] = [];
  more: readonly Row[] = [];
  head = -1;
  readonly #service: Service;
  readonly #store: Store;
  #used = 0;

  constructor(service: Service, store: Store, base: Base, name: string, folder?: string) {
    this.#service = service;
    this.#store = store;
    this.base = base;
    this.name = name;
    this.folder = folder ?? join(service.storage, ...name.split("."));
  }

  /** Takes a changed copy of another table's folder into the service. */
  async import(original: Table): Promise<Answer> {
    const answer = await this.#service.request("POST", "/v1/tables/import", { name: this.name, location: this.folder });
    if (answer.status < 300) {
      this.head = answer.body.version;
      this.live = original.live;
      this.#used = original.live.length;
    }
    return answer;
  }

  /** The request that makes the table. */
  createBody(): JsonObject {
    const configuration = { "delta.checkpointInterval": String(INTERVAL), ...this.base.configuration };
    return {
      name: this.name,
      schema: { type: "struct", fields: this.base.fields },
      partitionColumns: this.base.partitionColumns ?? [],
      configuration,
    } as unknown as JsonObject;
  }

  async create(body: JsonObject): Promise<Answer> {
    const answer = await this.#service.request("POST", "/v1/tables", body);
    if (answer.status === 201) {
      this.head = 0;
      mkdirSync(this.folder, { recursive: true });
    }
    return answer;
  }

  /** Appends a good file. */
  async append(): Promise<Answer> {
    const file = this.next();
    const first = this.live.length === 0 ? (this.base.firstActions ?? []) : [];
    return await this.send({ actions: [...first, { add: file.add }], added: file.rows }, [file]);
  }

  /** A file that the table does not have yet. */
  next(folder = this.folder): StoredFile {
    const n = this.#used;
    this.#used += 1;
    // Copies of one good table take from its store forever, but never the two files that are live in it.
    const nth = n < FILES ? n : GOOD_FILES + (n % (FILES - GOOD_FILES));
    const file = this.#store.files(this.base)[nth];
    if (file === undefined) throw new Error(`"${this.base.name}" has no files`);
    this.#store.lay(this.base, nth, folder, file.path);
    return file;
  }

  /** @param folder another one when a case is tried on a copy */
  standing(folder = this.folder): Standing {
    return {
      name: this.name,
      folder,
      version: this.head,
      metaData: this.newest("metaData"),
      protocol: this.newest("protocol"),
      live: this.live,
      next: () => this.next(folder),
      lay: (file, path) => {
        const to = join(folder, path);
        mkdirSync(dirname(to), { recursive: true });
        copyFileSync(join(folder, file.path), to);
        return { ...file, path, add: { ...file.add, path } };
      },
    };
  }

  /** Commits, and on 201 remembers what the table holds now. `files` are those that stay live as good ones. */
  async send(sent: Sent, files: readonly StoredFile[] = []): Promise<Answer> {
    const answer = await this.#service.request("POST", "/v1/commits", commitText(this.name, this.head, sent));
    if (answer.status !== 201) return answer;
    this.head = answer.body.tables[0]?.version ?? -1;
    const removed = sent.removed ?? [];
    this.live = [...this.live.filter((file) => !removed.includes(file)), ...files];
    if (files.length === 0) this.more = [...this.more, ...(sent.added ?? [])];
    if (sent.rows === "as listed") this.#rows = await this.#listed([...this.live, ...(sent.files ?? [])]);
    else this.#rows = sent.rows ?? (this.#rows && [...this.#rows, ...(sent.added ?? [])]);
    return answer;
  }

  /** Rows of the files that the service lists; partition values are for the readers to agree on. */
  async #listed(known: readonly StoredFile[]): Promise<readonly Row[]> {
    const { files } = await this.#service.call("GET", `/v1/tables/${this.name}/files?limit=10000`);
    const any = Object.fromEntries((this.base.partitionColumns ?? []).map((column) => [column, ANY]));
    this.live = known.filter((file) => files.some(({ path }) => path === file.add.path));
    return this.live.flatMap((file) => file.rows.map((row) => ({ ...row, ...any })));
  }

  #rows: readonly Row[] | undefined;

  /** What readers must find. */
  rows(): readonly Row[] {
    return this.#rows ?? [...this.live.flatMap((file) => file.rows), ...this.more];
  }

  /** The newest action of a kind in the log. */
  newest(kind: "metaData" | "protocol"): JsonObject {
    for (let version = this.head; version >= 0; version -= 1) {
      for (const action of readLog(this.folder, version)) if (action[kind]) return action[kind] as JsonObject;
    }
    throw new Error(`${this.name} has no ${kind}`);
  }
}

/** Actions of a version that is in a log; lines that nobody can read are left out. */
export function readLog(table: string, version: number): readonly JsonObject[] {
  const text = readFileSync(join(table, "_delta_log", `${logName(version)}.json`), "utf8");
  return text.split("\n").flatMap((line) => {
    try {
      return [parseJson(line) as JsonObject];
    } catch {
      return [];
    }
  });
}

export function logHas(table: string, file: RegExp): boolean {
  return readdirSync(join(table, "_delta_log")).some((name) => file.test(name));
}

/** The request as text: some mutations are texts that no JSON value could give. */
export function commitText(table: string, readVersion: number, sent: Sent): string {
  const actions = sent.actions.map(actionText).join(",");
  const known = { table, readVersion, reads: {}, supportedFeatures: { writer: Object.keys(FEATURES) } };
  const part = `${stringifyJson(known as unknown as JsonObject).slice(0, -1)},"actions":[${actions}]}`;
  const whole = { transactionId: randomUUID(), acknowledge: "mirrored", ...sent.more };
  return `${stringifyJson(whole).slice(0, -1)},"tables":[${part}]}`;
}

export function actionText(action: JsonObject | string): string {
  return typeof action === "string" ? action : stringifyJson(action);
}

/** Runs the mutated request of a case. */
export async function mutate(table: Table, wanted: Case): Promise<{ readonly sent: Sent; readonly answer: Answer }> {
  const sent = wanted.commit?.(table.standing()) ?? { actions: [] };
  return { sent, answer: await table.send(sent) };
}
