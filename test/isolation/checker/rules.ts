/**
 * Workloads for the rules that whole files alone do not show. Each has an invariant that one conflict too few breaks:
 *
 * - `rules.days`: who finds a day without a file writes one, who finds one removes it; both have read the day by a predicate. No
 *   day ever has two files.
 * - `rules.counters`: a domain, and a property of the metadata, are counted up by who has read them. Neither skips or repeats.
 * - `rules.vectors`: a file's deletion vector is replaced by one that deletes one row more, in a table with row tracking. No
 *   deletion is lost; a path keeps its row ids, and no two paths share one.
 */

import type { LakeClient, Recorded, WantedPart, WireFile } from "./lake-client.ts";

const DAYS = "rules.days";
const COUNTERS = "rules.counters";
const VECTORS = "rules.vectors";

const DAY_NAMES = ["d0", "d1", "d2"];
const DOMAIN = "checker.counter";
const PROPERTY = "checker.counter";
const ROWS = 10;
const STATS = JSON.stringify({ numRecords: ROWS, tightBounds: false });
const MANY_FILES = 8;

/** What a table of these is made with. */
export const RULE_TABLES: Readonly<Record<string, object>> = {
  [DAYS]: { partitionColumns: ["day"] },
  [COUNTERS]: { configuration: { "delta.feature.domainMetadata": "supported" } },
  [VECTORS]: { configuration: { "delta.enableDeletionVectors": "true", "delta.enableRowTracking": "true" } },
};

type WireAction = Readonly<Record<string, Record<string, unknown>>>;

export class Rules {
  readonly tables = Object.keys(RULE_TABLES);
  readonly #record: Recorded;

  constructor(record: Recorded) {
    this.#record = record;
  }

  async transact(client: LakeClient): Promise<void> {
    const chance = client.random();
    if (chance < 0.4) await this.#toggleDay(client);
    else if (chance < 0.6) await this.#count(client);
    else await this.#mark(client);
  }

  async #toggleDay(client: LakeClient): Promise<void> {
    const day = client.pick(DAY_NAMES);
    const { version = 0, files = [] } = (await client.snapshot([DAYS])).tables.get(DAYS) ?? {};
    const there = files.filter((file) => (file.partitionValues as { day: string }).day === day);
    const fresh = { path: `day=${day}/${crypto.randomUUID()}.parquet`, partitionValues: { day } };
    const removes = there.map(({ path }) => ({ path, partitionValues: { day } }));
    const replaces = there.length > 0 && client.random() < 0.3;
    const adds = there.length === 0 || replaces ? [fresh] : [];
    await client.commit([{ table: DAYS, readVersion: version, reads: { partitions: [day] }, adds, removes }]);
  }

  async #count(client: LakeClient): Promise<void> {
    const { version, metadata, domains } = await client.read(`/v1/tables/${COUNTERS}`);
    const base = { table: COUNTERS, readVersion: version as number, reads: {} };
    if (client.random() < 0.3) {
      const { configuration, ...rest } = metadata as { configuration: Record<string, string> };
      const next = String(Number(configuration[PROPERTY] ?? 0) + 1);
      const metaData = { ...rest, configuration: { ...configuration, [PROPERTY]: next } };
      await client.commit([{ ...base, metaData }]);
      return;
    }
    const known = (domains as { domain: string; configuration: string }[]).find(({ domain }) => domain === DOMAIN);
    const configuration = String(Number(known?.configuration ?? 0) + 1);
    await client.commit([{ ...base, domain: { domain: DOMAIN, configuration, removed: false } }]);
  }

  async #mark(client: LakeClient): Promise<void> {
    const { version = 0, files = [] } = (await client.snapshot([VECTORS])).tables.get(VECTORS) ?? {};
    const base = { table: VECTORS, readVersion: version };
    const chance = client.random();
    if (files.length === 0 || (chance < 0.25 && files.length < MANY_FILES)) {
      await client.commit([{ ...base, adds: [{ path: `v/${crypto.randomUUID()}.parquet`, stats: STATS }] }]);
      return;
    }
    const file = client.pick(files);
    const said = client.random() < 0.5 ? { files: [file.path] } : {};
    const old: WireFile = { path: file.path, ...(file.deletionVector ? { deletionVector: file.deletionVector } : {}) };
    const deleted = cardinalityOf(file);
    const part: WantedPart = { ...base, reads: said, removes: [old] };
    if (deleted >= ROWS - 1 || chance > 0.9) await client.commit([part]);
    else await client.commit([{ ...part, adds: [{ ...file, deletionVector: vector(deleted + 1), stats: STATS }] }]);
  }

  /** Looks at all versions of a table, oldest first. */
  check(
    table: string,
    versions: readonly { readonly version: number; readonly actions: readonly WireAction[] }[],
  ): void {
    const found = this.#record.anomalies;
    const days = new Map<string, string>();
    const counted = { domain: 0, metadata: 0 };
    const vectors = new Map<string, { readonly deleted: number; readonly rows: unknown }>();
    const rowIds = new Map<number, string>();
    for (const { version, actions } of versions) {
      const where = `${table}@${version}`;
      // Removes first: within a version the order has no meaning, and a replaced file is both.
      for (const { remove } of actions) {
        if (remove) days.delete(String(remove.path));
        if (remove && !actions.some(({ add }) => add?.path === remove.path)) vectors.delete(String(remove.path));
      }
      for (const { add, domainMetadata, metaData } of actions) {
        if (add && table === DAYS) {
          const day = (add.partitionValues as { day: string }).day;
          if ([...days.values()].includes(day)) found.push(`predicate: ${where} gives ${day} a second file`);
          days.set(String(add.path), day);
        }
        if (add && table === VECTORS) found.push(...vectorAnomalies(add, vectors, rowIds).map((a) => `${a}: ${where}`));
        if (domainMetadata?.domain === DOMAIN) {
          counted.domain += 1;
          if (Number(domainMetadata.configuration) !== counted.domain)
            found.push(`domain: ${where} counts ${domainMetadata.configuration}, not ${counted.domain}`);
        }
        if (metaData && table === COUNTERS && version > 0) {
          counted.metadata += 1;
          const count = (metaData.configuration as Record<string, string>)[PROPERTY];
          if (Number(count) !== counted.metadata)
            found.push(`metadata: ${where} counts ${count}, not ${counted.metadata}`);
        }
      }
    }
  }
}

function vectorAnomalies(
  add: Record<string, unknown>,
  vectors: Map<string, { readonly deleted: number; readonly rows: unknown }>,
  rowIds: Map<number, string>,
): string[] {
  const path = String(add.path);
  const before = vectors.get(path);
  const deleted = cardinalityOf(add as WireFile);
  vectors.set(path, { deleted, rows: add.baseRowId });
  if (before !== undefined) {
    const found =
      deleted === before.deleted + 1 ? [] : [`vector: ${path} had ${before.deleted} rows deleted, has ${deleted}`];
    return add.baseRowId === before.rows
      ? found
      : [...found, `row ids: ${path} had ${before.rows}, has ${add.baseRowId}`];
  }
  const base = add.baseRowId;
  if (typeof base !== "number") return [`row ids: ${path} has none`];
  const found: string[] = [];
  for (let row = base; row < base + ROWS; row += 1) {
    const other = rowIds.get(row);
    if (other !== undefined) found.push(`row ids: ${path} has ${row}, which ${other} had`);
    rowIds.set(row, path);
  }
  return found;
}

function cardinalityOf({ deletionVector }: WireFile): number {
  return Number((deletionVector as { cardinality?: number } | undefined)?.cardinality ?? 0);
}

function vector(cardinality: number) {
  const pathOrInlineDv = crypto.randomUUID().replaceAll("-", "").slice(0, 20);
  return { storageType: "u", pathOrInlineDv, offset: 1, sizeInBytes: 4, cardinality };
}
