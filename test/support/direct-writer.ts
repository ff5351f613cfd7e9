/** A Delta writer of a few lines that knows nothing of us: it appends to a table in a folder by its `_delta_log` alone, as engines do. */

import { link, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

interface Line {
  readonly protocol?: { readonly minWriterVersion: number; readonly writerFeatures?: readonly string[] };
  readonly add?: { readonly path: string };
  readonly remove?: { readonly path: string };
}

/** What it may write to; a table that asks for more is refused, as the protocol wants it. */
const KNOWN: readonly string[] = ["appendOnly", "invariants"];

/** As large as the smallest Parquet file: what is in it nobody here looks at. */
export const BYTES = "PAR1____PAR1";

export class WriterRefused extends Error {}

const nameOf = (version: number) => `${String(version).padStart(20, "0")}.json`;

async function linesOf(folder: string, version: number): Promise<readonly Line[]> {
  const text = await readFile(join(folder, "_delta_log", nameOf(version)), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

async function newestOf(folder: string): Promise<number> {
  const names = (await readdir(join(folder, "_delta_log"))).filter((name) => /^\d{20}\.json$/.test(name));
  return Math.max(-1, ...names.map((name) => Number.parseInt(name, 10)));
}

/** False where the version is taken: the file has its name whole, or not at all. */
async function put(folder: string, version: number, lines: readonly object[]): Promise<boolean> {
  const temporary = join(folder, `_delta_log/.${crypto.randomUUID()}.tmp`);
  await writeFile(temporary, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`);
  try {
    await link(temporary, join(folder, "_delta_log", nameOf(version)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary);
  }
}

export async function makeTable(folder: string): Promise<void> {
  await mkdir(join(folder, "_delta_log"), { recursive: true });
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const metaData = {
    id: crypto.randomUUID(),
    format: { provider: "parquet", options: {} },
    schemaString: JSON.stringify(schema),
    partitionColumns: [],
    configuration: {},
    createdTime: 1,
  };
  await put(folder, 0, [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }]);
}

/**
 * Appends one file, at whatever version is free.
 * @param size of a file that is there already; else one is made
 * @returns the version
 * @throws WriterRefused where the protocol of the version that it would write on asks for what it does not know
 */
export async function append(folder: string, path: string, size?: number): Promise<number> {
  if (size === undefined) await writeFile(join(folder, path), BYTES);
  const add = { path, partitionValues: {}, size: size ?? BYTES.length, modificationTime: Date.now(), dataChange: true };
  const info = { timestamp: Date.now(), operation: "WRITE", operationParameters: { mode: "Append" } };
  let seen = -1;
  let protocol: Line["protocol"];
  for (;;) {
    const newest = await newestOf(folder);
    for (let version = seen + 1; version <= newest; version += 1) {
      for (const line of await linesOf(folder, version)) protocol = line.protocol ?? protocol;
      seen = version;
    }
    const unknown = (protocol?.writerFeatures ?? []).filter((feature) => !KNOWN.includes(feature));
    if (unknown.length > 0) throw new WriterRefused(`unsupported writer features: ${unknown.join(", ")}`);
    if (await put(folder, newest + 1, [{ commitInfo: info }, { add }])) return newest + 1;
  }
}

/** Paths of all adds in the order of the versions, which have no gap. @throws where one is missing */
export async function addsIn(folder: string): Promise<readonly string[]> {
  const newest = await newestOf(folder);
  const paths: string[] = [];
  for (let version = 0; version <= newest; version += 1) {
    for (const { add } of await linesOf(folder, version)) if (add) paths.push(add.path);
  }
  return paths;
}
