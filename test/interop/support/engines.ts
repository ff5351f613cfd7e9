/** The Python processes that hold the readers and foreign writers: one for Spark, one for Trino, one for the rest, each from its first reading on. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PYTHON = fileURLToPath(new URL("../python", import.meta.url));

/** An engine that says nothing for so long will not: some hang on damaged tables. */
const NO_ANSWER_MS = 300_000;

/** The readers of the grid, in its order. */
export const READERS = [
  "Spark",
  "delta-rs",
  "delta-rs (pyarrow)",
  "Polars",
  "Daft",
  "DuckDB",
  "kernel-rs",
  "Trino",
] as const;
export type Reader = (typeof READERS)[number];
/** Those that read along with every case; Trino comes at the end. */
export const AT_ONCE: readonly Reader[] = READERS.filter((reader) => reader !== "Trino");

/** A row in the spelling of `python/canon.py`. */
export type Row = Readonly<Record<string, unknown>>;
export type ReadResult = { readonly rows: readonly Row[] } | { readonly refused: string };

export interface Filter {
  readonly column: string;
  readonly op: "=" | "<>" | "<" | ">" | "in" | "is null" | "is not null";
  readonly type: "string" | "long" | "date" | "instant" | "local";
  readonly values?: readonly (string | number)[];
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
  /** True where the process had ended, which nobody knew yet, before it could read what was asked. */
  readonly isUnread?: true;
}

/** Processes in a row that may end before they are asked anything. */
const STARTS = 3;

export interface Engines {
  /** Rows of a version (the newest if undefined), sorted; or what the reader says when it gives none. */
  read(reader: string, path: string, version?: number, where?: Filter): Promise<ReadResult>;
  /** Lets a foreign writer change the table. @returns what it said when it refused */
  write(what: string, path: string): Promise<string | undefined>;
  /** Asks an engine something else, such as "delta-rs history". @throws Error when it fails */
  look<T>(what: string, path: string): Promise<T>;
  /** Writes data files of `{path, fields, rows}`, as `python/make_files.py` says. */
  make(files: readonly object[]): Promise<readonly { readonly size: number; readonly rows: readonly Row[] }[]>;
  /** Ends the one that holds an engine, to get its memory back; it starts again when it is asked. */
  rest(what: string): Promise<void>;
  close(): Promise<void>;
}

/** Spark and Trino have each their own. */
function placeOf(what: string): string {
  return /^(Spark|Trino)/.exec(what)?.[0].toLowerCase() ?? "python";
}

/** @param cache the folder that `setup.sh` prints */
export async function openEngines(cache: string): Promise<Engines> {
  const engines = new Map<string, ReturnType<typeof start>>();
  // Spark takes ten seconds to start: only where it is wanted.
  const ask = async (what: string, request: object, left = STARTS): Promise<Answer> => {
    const name = placeOf(what);
    let engine = engines.get(name);
    // A damaged table may crash an engine, and all that share its memory: the next reading gets fresh ones.
    if (!engine || engine.hasEnded()) engine = start(cache, name);
    engines.set(name, engine);
    const answer = await engine.ask(request);
    return answer.isUnread && left > 1 ? ask(what, request, left - 1) : answer;
  };
  return {
    async read(reader, path, version, where) {
      const answer = await ask(reader, { op: "read", what: reader, path, version, where });
      return answer.error === undefined ? { rows: answer.result as Row[] } : { refused: answer.error };
    },
    async write(what, path) {
      return (await ask(what, { op: "write", what, path })).error;
    },
    async look<T>(what: string, path: string) {
      const answer = await ask(what, { op: "look", what, path });
      if (answer.error !== undefined) throw new Error(`${what} of ${path}: ${answer.error}`);
      return answer.result as T;
    },
    async make(files) {
      const answer = await ask("data files", { op: "make", what: "data files", files });
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.result as Awaited<ReturnType<Engines["make"]>>;
    },
    async rest(what) {
      await engines.get(placeOf(what))?.close();
    },
    close: async () => void (await Promise.all([...engines.values()].map((engine) => engine.close()))),
  };
}

function start(cache: string, name: string) {
  const child: ChildProcess = spawn(join(cache, "venv/bin/python"), [join(PYTHON, "serve.py"), name], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, INTEROP_CACHE: cache, PYTHONDONTWRITEBYTECODE: "1", TZ: "UTC", DAFT_PROGRESS_BAR: "0" },
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  const unread = new Set<number>();
  // Of a process that ends: its end is told below.
  child.stdin?.on("error", () => undefined);
  let said = "";
  let ended: string | undefined;
  let lastId = 0;
  child.stderr?.on("data", (data) => (said = `${said}${data}`.slice(-2000)));
  if (child.stdout) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const answer = JSON.parse(line) as Answer;
      waiting.get(answer.id)?.(answer);
      waiting.delete(answer.id);
    });
  }
  child.on("exit", (code, signal) => {
    ended = `the ${name} process ended with ${code ?? signal}: ${said}`;
    for (const [id, resolve] of waiting) resolve({ id, error: ended, ...(unread.has(id) ? { isUnread: true } : {}) });
  });
  return {
    hasEnded: () => ended !== undefined,
    ask(request: object): Promise<Answer> {
      const id = ++lastId;
      if (ended !== undefined) throw new Error(ended);
      child.stdin?.write(`${JSON.stringify({ id, ...request })}\n`, (error) => void (error && unread.add(id)));
      const answer = new Promise<Answer>((resolve) => waiting.set(id, resolve));
      const timer = setTimeout(() => child.kill("SIGKILL"), NO_ANSWER_MS);
      return answer.finally(() => clearTimeout(timer));
    },
    async close() {
      if (ended !== undefined) return;
      child.stdin?.end();
      await once(child, "exit");
    },
  };
}
