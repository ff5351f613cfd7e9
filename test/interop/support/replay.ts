/** Makes the commits of a golden table again through our API, as its writer would have: the data files first, then the actions. */

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Action, copyData, type Golden } from "./golden.ts";
import type { Body, Service } from "./service.ts";

/** A table of ours, and which of its versions holds which rows. */
export interface Replayed {
  readonly name: string;
  readonly path: string;
  /** Our version for each version of the original. */
  readonly versions: ReadonlyMap<number, number>;
}

export interface ReplayOptions {
  readonly name: string;
  /** Wins over the original's properties. */
  readonly configuration?: Readonly<Record<string, string>>;
  /** Last chance to change what is sent; `version` is the original's. */
  readonly edit?: (actions: readonly Action[], version: number) => readonly Action[];
}

/** Properties that the service sets, and that a later metaData must carry on. */
const OURS = /^delta\.(enableInCommitTimestamps|inCommitTimestamp|checkpointInterval$|checkpointPolicy$)/;

/**
 * Creates a table like the original and makes its commits, waiting for the mirror each time.
 * @throws Error with the problem that the API answered
 */
export async function replay(service: Service, golden: Golden, options: ReplayOptions): Promise<Replayed> {
  const path = join(service.storage, ...options.name.split("."));
  copyData(golden, path);
  const first = golden.actions(0);
  const metadata = find(first, "metaData") ?? {};
  const protocol = find(first, "protocol") ?? {};
  const features = Object.fromEntries(featuresOf(protocol).map((name) => [`delta.feature.${name}`, "supported"]));
  await service.call("POST", "/v1/tables", {
    name: options.name,
    location: path,
    schema: JSON.parse(String(metadata.schemaString)),
    partitionColumns: metadata.partitionColumns,
    configuration: { ...(metadata.configuration as object), ...features, ...options.configuration },
  });
  const versions = new Map<number, number>();
  let head = 0;
  for (let version = 0; version <= golden.head; version += 1) {
    const edited = options.edit?.(golden.actions(version), version) ?? golden.actions(version);
    const actions = version === 0 ? edited.filter((a) => !a.metaData && !a.protocol) : edited;
    if (version > 0 || actions.some((a) => a.add)) head = await commitLike(service, options.name, actions);
    versions.set(version, head);
  }
  return { name: options.name, path, versions };
}

/** Commits actions as their writer would send them to us. @returns the new version */
export async function commitLike(service: Service, name: string, actions: readonly Action[]): Promise<number> {
  const table = await service.call("GET", `/v1/tables/${name}`);
  const live = new Set<string>();
  if (actions.some((a) => a.remove)) {
    const { files } = await service.call("GET", `/v1/tables/${name}/files?limit=10000`);
    for (const file of files) live.add(file.path);
  }
  const sent = actions.flatMap((action) => toClientAction(action, table, live));
  return commit(service, name, table.version, sent);
}

/** One commit, acknowledged when it is in `_delta_log`. @returns the new version */
export async function commit(
  service: Service,
  table: string,
  readVersion: number,
  actions: readonly object[],
  more: object = {},
): Promise<number> {
  const { protocol } = await service.call("GET", `/v1/tables/${table}`);
  const features = [...featuresOf(protocol), ...actions.flatMap((a) => featuresOf((a as Action).protocol ?? {}))];
  const answer = await service.call("POST", "/v1/commits", {
    transactionId: randomUUID(),
    tables: [{ table, readVersion, actions, supportedFeatures: { writer: features }, ...more }],
    acknowledge: "mirrored",
    // Files that the original's writer has vacuumed are named again, as they were.
    verifyFiles: false,
  });
  const [committed] = answer.tables;
  if (committed?.mirror === "COMPLETE") return committed.version;
  throw new Error(`version ${committed?.version} of ${table} was not mirrored`);
}

function toClientAction(action: Action, table: Body, live: ReadonlySet<string>): readonly object[] {
  const { add, metaData, protocol, domainMetadata, commitInfo } = action;
  // Row ids of new files and their high-water mark are the service's to give; a file that stays keeps its own.
  if (add && !live.has(String(add.path))) {
    const { baseRowId: _, defaultRowCommitVersion: __, ...fresh } = add;
    return [{ add: fresh }];
  }
  if (domainMetadata?.domain === "delta.rowTracking") return [];
  if (metaData) {
    const ours = Object.entries(table.metadata.configuration).filter(([key]) => OURS.test(key));
    const configuration = { ...(metaData.configuration as object), ...Object.fromEntries(ours) };
    return [{ metaData: { ...metaData, id: table.metadata.id, configuration } }];
  }
  if (protocol) return [{ protocol: merged(table.protocol, protocol) }];
  if (commitInfo) {
    const { inCommitTimestamp: _, txnId: __, isolationLevel: ___, ...kept } = commitInfo;
    return [{ commitInfo: kept }];
  }
  return [action];
}

function merged(ours: Body["protocol"], theirs: Body["protocol"]): object {
  const writerFeatures = [...new Set([...featuresOf(ours), ...featuresOf(theirs)])].sort();
  const readers = [...((ours.readerFeatures as string[]) ?? []), ...((theirs.readerFeatures as string[]) ?? [])];
  const readerFeatures = [...new Set(readers)].sort();
  return readerFeatures.length > 0
    ? { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures }
    : { minReaderVersion: 1, minWriterVersion: 7, writerFeatures };
}

/** Features that a protocol lists. */
export function featuresOf(protocol: Body["protocol"]): readonly string[] {
  return (protocol.writerFeatures as string[] | undefined) ?? [];
}

function find(actions: readonly Action[], name: string): Action[string] | undefined {
  return actions.find((action) => action[name])?.[name];
}
