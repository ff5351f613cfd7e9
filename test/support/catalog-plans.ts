/** Short ways to plan commits, for catalog tests. What a test does not name has the value of a plain append. */

import assert from "node:assert/strict";
import {
  type AddFile,
  type CommitActions,
  type DeletionVector,
  type Metadata,
  NO_ACTIONS,
  type Protocol,
  type RemoveFile,
} from "../../lib/delta/actions.ts";
import type { Catalog, Clock, CommitOutcome, PlannedCommit, PlannedTable, TableState } from "../../lib/ports.ts";

export const id = (): string => crypto.randomUUID();

export interface TestClock extends Clock {
  time: number;
}

export function testClock(time = Date.UTC(2026, 0, 1)): TestClock {
  return {
    time,
    now() {
      return this.time;
    },
    newId: id,
    async sleep(ms) {
      this.time += ms;
    },
  };
}

export const PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 2 };

export function metadata(name = "test"): Metadata {
  return {
    id: id(),
    name,
    format: { provider: "parquet", options: {} },
    schemaString: '{"type":"struct","fields":[]}',
    partitionColumns: [],
    configuration: {},
  };
}

export function add(path: string, more: Partial<AddFile> = {}): AddFile {
  return {
    path,
    partitionValues: {},
    size: 100,
    modificationTime: 5,
    dataChange: true,
    stats: '{"numRecords":10}',
    ...more,
  };
}

export function remove(path: string, more: Partial<RemoveFile> = {}): RemoveFile {
  return { path, deletionTimestamp: 1000, dataChange: true, ...more };
}

export function dv(pathOrInlineDv: string): DeletionVector {
  return { storageType: "u", pathOrInlineDv, offset: 1, sizeInBytes: 40, cardinality: 2 };
}

export type Plan = Partial<Omit<PlannedTable, "actions">> & { readonly actions?: Partial<CommitActions> };

export function plannedTable(tableId: string, plan: Plan): PlannedTable {
  const readVersion = plan.readVersion ?? 0;
  return {
    tableId,
    checkedVersion: readVersion,
    metadataVersion: 0,
    protocolVersion: 0,
    watch: [],
    isBlindAppend: false,
    inCommitTimestamps: false,
    assignRowIds: false,
    ...plan,
    readVersion,
    actions: { ...NO_ACTIONS, ...plan.actions },
  };
}

export function planned(tables: readonly PlannedTable[], transactionId = id(), requestHash = "hash"): PlannedCommit {
  return { transactionId, requestHash, tables, epoch: undefined };
}

export function creation(tableId: string, name: string, plan: Plan = {}): PlannedTable {
  return plannedTable(tableId, {
    create: { name, location: `file:///lake/${name}` },
    readVersion: -1,
    metadataVersion: -1,
    protocolVersion: -1,
    ...plan,
    actions: { protocol: PROTOCOL, metadata: metadata(), ...plan.actions },
  });
}

/** A committed new table with the given files. */
export async function newTable(catalog: Catalog, adds: readonly AddFile[] = [], plan: Plan = {}): Promise<string> {
  const tableId = id();
  const outcome = await catalog.commit(
    planned([creation(tableId, `t.${tableId}`, { ...plan, actions: { adds, ...plan.actions } })]),
  );
  assert.equal(outcome.status, "committed");
  return tableId;
}

export function commitOf(catalog: Catalog, tableId: string, plan: Plan): Promise<CommitOutcome> {
  return catalog.commit(planned([plannedTable(tableId, plan)]));
}

/** Commits against the head as it is. @returns the version */
export async function commitNext(catalog: Catalog, tableId: string, plan: Plan): Promise<number> {
  const head = await stateOf(catalog, tableId);
  const { metadata: metadataVersion, protocol: protocolVersion } = head.markers;
  const outcome = await commitOf(catalog, tableId, {
    readVersion: head.version,
    metadataVersion,
    protocolVersion,
    ...plan,
  });
  assert.equal(outcome.status, "committed", JSON.stringify(outcome));
  return outcome.tables[0]?.version ?? -1;
}

export async function stateOf(catalog: Catalog, tableId: string): Promise<TableState> {
  const [state] = await catalog.readStates([{ tableId }]);
  assert.ok(state, `table ${tableId} is not there`);
  return state;
}

/** All pages of a list. */
export async function all<T>(
  read: (cursor: { cursor?: string }) => Promise<{ readonly items: readonly T[]; readonly next?: string }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await read(cursor === undefined ? {} : { cursor });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
}

export async function livePaths(catalog: Catalog, tableId: string, version: number): Promise<string[]> {
  const files = await all((page) => catalog.readFiles(tableId, version, { limit: 1000, ...page }));
  return files.map((file) => file.path).sort();
}
