/**
 * List-append, in the manner of Elle: a key is a file whose tag holds the list; to append is to replace the file. Every read of
 * a key shows all appends before it, so the order of transactions can be inferred from the lists alone.
 */

import { DependencyGraph } from "../graph.ts";
import type { Attempt } from "../history.ts";
import type { LakeClient, Snapshot, WantedPart, WireFile } from "./lake-client.ts";

const TABLES = ["list.a", "list.b", "list.c"];
const KEYS = ["k0", "k1", "k2", "k3"];
/** A longer list begins anew, as the next generation of its key. */
const LONGEST = 40;

/** The list of a key as someone saw it; `key` has table and generation in it. */
interface ListRead {
  readonly key: string;
  readonly list: readonly string[];
}

interface Step {
  readonly name: string;
  readonly reads: readonly ListRead[];
  /** The lists as this transaction left them. */
  readonly writes: readonly ListRead[];
  /** undefined for a reader that writes nothing. */
  readonly attempt?: Attempt;
}

export class ListAppend {
  readonly tables = TABLES;
  readonly #steps: Step[] = [];
  #elements = 0;

  /** Every key is there from the start: that a file is missing cannot be read. */
  async prepare(client: LakeClient): Promise<void> {
    const adds = KEYS.map((key) => keyFile(key, 0, []));
    await client.commit(TABLES.map((table) => ({ table, readVersion: 0, adds })));
  }

  async transact(client: LakeClient): Promise<void> {
    const tables = TABLES.filter(() => client.random() < 0.6);
    if (tables.length === 0) tables.push(client.pick(TABLES));
    const snapshot = await client.snapshot(tables);
    const all = listsOf(snapshot);
    this.#steps.push({ name: snapshot.name, reads: all.map(({ read }) => read), writes: [] });
    if (client.random() < 0.1) return;
    const chosen = all.filter(() => client.random() < 0.25);
    const parts: WantedPart[] = [];
    const writes: ListRead[] = [];
    for (const [table, { version }] of snapshot.tables) {
      const here = chosen.filter((list) => list.table === table);
      // A table that is only read takes part, too: what was read there is then checked with the rest.
      if (here.length === 0) continue;
      const appends = here.filter(() => client.random() < 0.6).map((list) => this.#append(list, client));
      writes.push(...appends.map(({ write }) => write));
      parts.push({
        table,
        readVersion: version,
        reads: { files: here.map(({ file }) => file.path) },
        removes: appends.map(({ old }) => old),
        adds: appends.map(({ add }) => add),
      });
    }
    if (chosen.length === 0) return;
    // In any order: the locks must not care.
    const { attempt } = await client.commit(client.random() < 0.5 ? parts : parts.reverse());
    const reads = chosen.map(({ read }) => read);
    this.#steps.push({ name: attempt.transactionId, reads, writes, attempt });
  }

  #append({ file, read, key, generation }: Listed, client: LakeClient) {
    this.#elements += 1;
    const element = `e${this.#elements}`;
    // Two at once: nobody may ever see the first alone.
    const elements = client.random() < 0.2 ? [`${element}a`, `${element}b`] : [element];
    const full = read.list.length >= LONGEST;
    const list = full ? elements : [...read.list, ...elements];
    const next = full ? generation + 1 : generation;
    return {
      old: { path: file.path },
      add: keyFile(key, next, list),
      write: { key: `${read.key.split("#")[0]}#${next}`, list },
    };
  }

  /** One sentence per anomaly; how many transactions and readers were looked at. */
  check(): { readonly anomalies: string[]; readonly steps: number; readonly edges: number } {
    const committed = this.#steps.filter(({ attempt }) => attempt === undefined || attempt.answers.length > 0);
    const orders = longestLists(committed);
    const anomalies: string[] = [];
    const writerOf = new Map<string, string>();
    for (const { writes, attempt, name } of this.#steps) {
      for (const { list } of writes) {
        // The list begins with what was read; only its end is new.
        for (const element of list.slice(-2)) {
          if (element === list.at(-1) || isFirstOfTwo(element, list.at(-1))) writerOf.set(element, name);
        }
      }
      if (attempt && attempt.answers.length === 0) {
        for (const { key, list } of writes) {
          if (orders.get(key)?.includes(list.at(-1) ?? ""))
            anomalies.push(`G1a: ${key} holds ${list.at(-1)} of the refused ${name}`);
        }
      }
    }
    const graph = new DependencyGraph();
    for (const { name, reads, writes, attempt } of committed) {
      for (const read of [...reads, ...writes]) anomalies.push(...readAnomalies(name, read, orders));
      for (const { key, list } of reads) {
        const order = orders.get(key) ?? [];
        const last = list.at(-1) ?? orders.get(before(key))?.at(-1);
        const next = order[list.length] ?? orders.get(after(key))?.[0];
        if (last !== undefined) graph.add(writerOf.get(last) ?? last, name, "wr");
        if (next !== undefined) graph.add(name, writerOf.get(next) ?? next, "rw");
      }
      if (attempt === undefined) continue;
      for (const { key, list } of writes) {
        const at = orders.get(key)?.lastIndexOf(list.at(-1) ?? "") ?? -1;
        if (at !== list.length - 1) anomalies.push(`lost append: ${list.at(-1)} of ${name} is at ${at} of ${key}`);
      }
    }
    for (const [key, order] of orders) {
      const chain = [orders.get(before(key))?.at(-1), ...order].flatMap((element) => writerOf.get(element ?? "") ?? []);
      for (const [i, writer] of chain.entries()) {
        const next = chain[i + 1];
        if (next !== undefined) graph.add(writer, next, "ww");
      }
    }
    return { anomalies: [...anomalies, ...graph.cycles()], steps: committed.length, edges: graph.size };
  }
}

interface Listed {
  readonly table: string;
  readonly key: string;
  readonly generation: number;
  readonly file: WireFile;
  readonly read: ListRead;
}

function keyFile(key: string, generation: number, list: readonly string[]): WireFile {
  const path = `${key}/${crypto.randomUUID()}.parquet`;
  return { path, tags: { key, generation: String(generation), list: list.join(",") } };
}

function listsOf(snapshot: Snapshot): Listed[] {
  return [...snapshot.tables].flatMap(([table, { files }]) =>
    files.map((file) => {
      const { key = "", generation = "0", list = "" } = file.tags ?? {};
      const read = { key: `${table}/${key}#${generation}`, list: list === "" ? [] : list.split(",") };
      return { table, key, generation: Number(generation), file, read };
    }),
  );
}

/** The order of appends of each key: the longest list that anyone has seen of it, or has written. */
function longestLists(steps: readonly Step[]): ReadonlyMap<string, readonly string[]> {
  const longest = new Map<string, readonly string[]>();
  for (const { key, list } of steps.flatMap(({ reads, writes }) => [...reads, ...writes])) {
    if (list.length >= (longest.get(key)?.length ?? 0)) longest.set(key, list);
  }
  return longest;
}

function readAnomalies(
  name: string,
  { key, list }: ListRead,
  orders: ReadonlyMap<string, readonly string[]>,
): string[] {
  const found: string[] = [];
  const order = orders.get(key) ?? [];
  if (list.some((element, i) => element !== order[i]))
    found.push(`order: ${name} saw ${key} as ${list}, others as ${order}`);
  if (/^e\d+a$/.test(list.at(-1) ?? "")) found.push(`G1b: ${name} saw ${key} end with ${list.at(-1)}`);
  return found;
}

function isFirstOfTwo(element: string, last: string | undefined): boolean {
  return element.endsWith("a") && last === `${element.slice(0, -1)}b`;
}

function before(key: string): string {
  const [name, generation] = key.split("#");
  return `${name}#${Number(generation) - 1}`;
}

function after(key: string): string {
  const [name, generation] = key.split("#");
  return `${name}#${Number(generation) + 1}`;
}
