/** What tables hold after many clients were at them, and what the clients were told, as plain data; and the checks that hold for any transactions. */

/** A file as a reader tells files apart: its path and its deletion vector ("" for none). */
export interface FileRef {
  readonly path: string;
  readonly dv: string;
  readonly dataChange: boolean;
  /** Value of the one partition column, in tables that have one. */
  readonly partition?: string;
}

/** One version of a table, as the service tells its history. */
export interface Version {
  readonly version: number;
  /** Milliseconds. */
  readonly timestamp: number;
  readonly transactionId: string;
  readonly adds: readonly FileRef[];
  readonly removes: readonly FileRef[];
  readonly appIds: readonly string[];
  readonly domains?: readonly string[];
  readonly changesMetadata: boolean;
  readonly isBlindAppend: boolean;
}

/** All versions by table, oldest first. */
export type History = ReadonlyMap<string, readonly Version[]>;

/** What a transaction asked of one table. */
export interface Part {
  readonly table: string;
  readonly readVersion: number;
  /** As asked for, or as the table demanded at the read version. */
  readonly level: "Serializable" | "WriteSerializable";
  readonly reads?: {
    readonly wholeTable?: boolean;
    readonly files?: readonly string[];
    readonly appIds?: readonly string[];
    /** Those of which all files were read, by a predicate. */
    readonly partitions?: readonly string[];
  };
  readonly adds: readonly FileRef[];
  readonly removes: readonly FileRef[];
  /** Written ones. */
  readonly appIds: readonly string[];
  readonly domains?: readonly string[];
  readonly changesMetadata: boolean;
}

export interface Answer {
  readonly committedAt: number;
  readonly tables: readonly { readonly table: string; readonly version: number; readonly timestamp: number }[];
}

/** One transaction of a client, however often it was sent. */
export interface Attempt {
  readonly transactionId: string;
  readonly parts: readonly Part[];
  /** Every answer that said "committed"; they must all be the same. */
  readonly answers: Answer[];
  /** Every answer that said "conflict": table, version that won, and Delta's error class. */
  readonly refusals: { readonly table: string; readonly version: number; readonly code: string }[][];
}

/**
 * No commit is lost, doubled, reordered or torn; versions have no gaps; times grow strictly and are one within a transaction.
 * Answers one sentence per anomaly.
 */
export function recordAnomalies(history: History, attempts: readonly Attempt[]): string[] {
  const found: string[] = [];
  const known = new Map(attempts.map((attempt) => [attempt.transactionId, attempt]));
  const placed = new Map<string, Map<string, Version>>();
  for (const [table, versions] of history) {
    for (const [i, version] of versions.entries()) {
      const where = `${table}@${version.version}`;
      const before = versions[i - 1];
      if (version.version !== i) found.push(`gap: ${where} is at place ${i}`);
      if (before && version.timestamp <= before.timestamp)
        found.push(`time: ${where} is not later than the one before`);
      if (version.version === 0) continue;
      if (!known.has(version.transactionId)) found.push(`phantom: ${where} is of no transaction that was sent`);
      const places = placed.get(version.transactionId) ?? new Map<string, Version>();
      placed.set(version.transactionId, places);
      if (places.has(table)) found.push(`doubled: ${where} is of a transaction that is in this table already`);
      places.set(table, version);
    }
  }
  for (const attempt of attempts) {
    found.push(...attemptAnomalies(attempt, placed.get(attempt.transactionId) ?? new Map()));
  }
  return found;
}

function attemptAnomalies(attempt: Attempt, places: ReadonlyMap<string, Version>): string[] {
  const found: string[] = [];
  const { transactionId: id, parts, answers, refusals } = attempt;
  const times = new Set([...places.values()].map((version) => version.timestamp));
  if (places.size > 0 && parts.some((part) => !places.has(part.table)))
    found.push(`torn: ${id} is not in all its tables`);
  if (times.size > 1) found.push(`time: ${id} has ${times.size} timestamps`);
  if (refusals.length > 0 && places.size > 0) found.push(`refused, yet committed: ${id} ${JSON.stringify(refusals)}`);
  if (answers.length > 0 && refusals.length > 0) found.push(`two minds: ${id} was called committed and refused`);
  for (const { committedAt, tables } of answers) {
    if (tables.length !== parts.length) found.push(`answer: ${id} names ${tables.length} of ${parts.length} tables`);
    for (const { table, version, timestamp } of tables) {
      const place = places.get(table);
      if (place === undefined) found.push(`lost: ${id} was acknowledged at ${table}@${version} and is not there`);
      else if (place.version !== version) found.push(`reordered: ${id} was acknowledged at ${table}@${version}`);
      if (place && (place.timestamp !== timestamp || timestamp !== committedAt)) {
        found.push(`time: ${id} was acknowledged with another timestamp in ${table}`);
      }
    }
  }
  for (const part of parts) {
    const place = places.get(part.table);
    if (place && (names(place.adds) !== names(part.adds) || names(place.removes) !== names(part.removes))) {
      found.push(`changed: ${part.table}@${place.version} does not hold the files that ${id} sent`);
    }
  }
  return found;
}

function names(files: readonly FileRef[]): string {
  return files
    .map((file) => `${file.path} ${file.dv}`)
    .sort()
    .join("\n");
}

/** Which deletion vector a path had at a version; undefined when it was not live. */
export class Timeline {
  readonly #changes = new Map<string, { readonly version: number; readonly dv: string | undefined }[]>();

  constructor(versions: readonly Version[]) {
    for (const { version, adds, removes } of versions) {
      for (const file of removes)
        if (this.at(file.path, version) === file.dv) this.#push(file.path, version, undefined);
      for (const file of adds) this.#push(file.path, version, file.dv);
    }
  }

  #push(path: string, version: number, dv: string | undefined): void {
    const changes = this.#changes.get(path) ?? [];
    this.#changes.set(path, changes);
    changes.push({ version, dv });
  }

  at(path: string, version: number): string | undefined {
    return this.#changes.get(path)?.findLast((change) => change.version <= version)?.dv;
  }

  /** All live files as `path dv`, sorted. */
  files(version: number): string[] {
    const live = [...this.#changes.keys()].map((path) => [path, this.at(path, version)] as const);
    return live.flatMap(([path, dv]) => (dv === undefined ? [] : [`${path} ${dv}`])).sort();
  }
}
