/** Data files of all bases, written once for a run; tables get links to them. */

import { copyFileSync, linkSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../../lib/delta/values/json.ts";
import type { Engines, Row } from "../support/engines.ts";
import { BASES } from "./bases.ts";
import type { Base, StoredFile } from "./case.ts";

/** Files that each base has. A batch of cases needs one for each case, and some for good commits. */
export const FILES = 40;
const ROWS = 2;

export class Store {
  readonly #folder: string;
  readonly #files = new Map<string, readonly StoredFile[]>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Lets pyarrow write the files. */
  static async make(engines: Engines, folder: string): Promise<Store> {
    const store = new Store(folder);
    const plans = BASES.flatMap((base) => Array.from({ length: FILES }, (_, n) => ({ base, n })));
    const made = await engines.make(
      plans.map(({ base, n }) => ({
        path: store.#source(base, n),
        fields: base.fields.filter(({ name }) => !base.partitionColumns?.includes(name)),
        rows: Array.from({ length: ROWS }, (_, i) => base.row(n * 10 + i)),
      })),
    );
    for (const base of BASES) {
      const files = plans.flatMap((plan, i) => {
        const { size = 0, rows = [] } = made[i] ?? {};
        return plan.base === base ? [stored(base, plan.n, size, rows)] : [];
      });
      store.#files.set(base.name, files);
    }
    return store;
  }

  files(base: Base): readonly StoredFile[] {
    return this.#files.get(base.name) ?? [];
  }

  /** Lays file n of a base into a table. */
  lay(base: Base, n: number, table: string, path: string): void {
    const to = join(table, path);
    mkdirSync(dirname(to), { recursive: true });
    try {
      linkSync(this.#source(base, n), to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
      copyFileSync(this.#source(base, n), to);
    }
  }

  #source(base: Base, n: number): string {
    return join(this.#folder, base.name.replaceAll(/[^a-z0-9]/g, "-"), `f${n}.parquet`);
  }
}

/** Statistics of a good file, as every writer makes them. */
function goodStats(n: number, id: string): JsonObject {
  return {
    numRecords: ROWS,
    minValues: { [id]: n * 10 },
    maxValues: { [id]: n * 10 + ROWS - 1 },
    nullCount: { [id]: 0 },
  };
}

function stored(base: Base, n: number, size: number, rows: readonly Row[]): StoredFile {
  const folders = Object.entries(base.partitionValues ?? {}).map(([key, value]) => `${key}=${hiveName(value)}`);
  const path = [...folders, `f${n}.parquet`].join("/");
  const mapping = base.configuration?.["delta.columnMapping.mode"] !== undefined;
  const column = mapping ? "col-1" : "id";
  return {
    path,
    rows: rows.map((row) => ({ ...row, ...base.partitionRow })),
    add: {
      // A path in the log is a URI: what the folder's name escapes is escaped once more.
      path: path.replaceAll("%", "%25").replaceAll(" ", "%20"),
      partitionValues: base.partitionValues ?? {},
      size,
      modificationTime: 1_767_225_600_000,
      dataChange: true,
      stats: JSON.stringify(goodStats(n, column)),
    },
  };
}

/** A partition value as a folder's name, escaped as Hive does. */
export function hiveName(value: string | null): string {
  if (value === null || value === "") return "__HIVE_DEFAULT_PARTITION__";
  return [...value].map((c) => (c < " " || "\"#%'*/:=?\\{[]^\u007f".includes(c) ? escaped(c) : c)).join("");
}

function escaped(c: string): string {
  return `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
