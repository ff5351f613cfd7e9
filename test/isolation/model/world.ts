/** Two servers on one database, every call of theirs a step; and what is seen of the log while they publish. */

import { deletionVectorId } from "../../../lib/delta/actions.ts";
import { isLakeError } from "../../../lib/errors.ts";
import type { Catalog, DeltaLog, ObjectStore } from "../../../lib/ports.ts";
import { Crash } from "../../support/crash.ts";
import { newTable, type TestLake } from "../../support/lake.ts";
import type { FileRef, Version } from "../history.ts";
import type { Pair } from "../pair.ts";
import type { Scenario } from "./scenario.ts";
import type { Steps } from "./steps.ts";

let runs = 0;

const DOMAINS = { "delta.feature.domainMetadata": "supported" };

/** New tables for a run. They are empty: the clients fill them. */
export async function newTables(lake: TestLake, levels: Scenario["levels"]): Promise<string[]> {
  runs += 1;
  const tables: string[] = [];
  for (const [i, level] of levels.entries()) {
    const configuration = { "delta.enableDeletionVectors": "true", "delta.isolationLevel": level, ...DOMAINS };
    tables.push(await newTable(lake, `run${runs}.table${i}`, { configuration }));
  }
  return tables;
}

/** Both servers, stepped. Anomalies of the log are written down as they appear. */
export function servers(pair: Pair, steps: Pick<Steps, "stepped">, anomalies: string[]): readonly [TestLake, TestLake] {
  const server = (catalog: Catalog, name: string): TestLake => {
    const watched = watchedCatalog(pair.one, catalog, anomalies);
    // Stepped ports answer promises; listing is none, and needs no step.
    const store = (inner: ObjectStore) => ({
      ...steps.stepped(watchedStore(inner, anomalies), `${name}.store`),
      list: inner.list,
    });
    return pair.one.with({ catalog: steps.stepped(watched, name), store });
  };
  return [server(pair.one.catalog, "one"), server(pair.two.catalog, "two")];
}

/** A version is never in the log before the one below it. */
function watchedStore(store: ObjectStore, anomalies: string[]): ObjectStore {
  return {
    ...store,
    async putIfAbsent(key, body) {
      const version = /^_delta_log\/(\d{20})\.json$/.exec(key)?.[1];
      const below =
        version && Number(version) > 0 ? `_delta_log/${String(Number(version) - 1).padStart(20, "0")}.json` : "";
      if (below && (await store.head(below)) === undefined) anomalies.push(`log: ${key} is published before ${below}`);
      return store.putIfAbsent(key, body);
    },
  };
}

/** A version is never called published before it is in the log. */
function watchedCatalog(lake: TestLake, catalog: Catalog, anomalies: string[]): Catalog {
  return {
    ...catalog,
    async markPublished(tableId, versions, at) {
      const head = await catalog.findTable({ tableId });
      const log: DeltaLog | undefined = head && lake.openLog(head.location);
      for (const version of versions) {
        if ((await log?.readCommitBytes(version)) === undefined)
          anomalies.push(`log: ${version} is COMPLETE and not there`);
      }
      return catalog.markPublished(tableId, versions, at);
    },
  };
}

/** The caller dies at its commit call: before it has gone out, or before the answer has come in. */
export function dyingAtCommit(lake: TestLake, when: "before" | "after"): TestLake {
  let dead = false;
  const catalog = new Proxy(lake.catalog, {
    get(target, key) {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]) => {
        if (dead) throw new Crash(String(key));
        const isCommit = key === "commit" || key === "commitLocked";
        dead = isCommit && when === "before";
        if (dead) throw new Crash("the commit call");
        const result: unknown = await method.apply(target, args);
        dead = isCommit;
        if (dead) throw new Crash("the answer to the commit call");
        return result;
      };
    },
  });
  return lake.with({ catalog });
}

interface FileAction {
  readonly path: string;
  readonly dataChange: boolean;
  readonly deletionVector?: Parameters<typeof deletionVectorId>[0]["deletionVector"];
}

export function fileRef(file: FileAction): FileRef {
  const { path, dataChange, deletionVector } = file;
  return { path, dv: deletionVectorId(deletionVector === undefined ? { path } : { path, deletionVector }), dataChange };
}

/** All versions of a table, from SQL. */
export async function readVersions(catalog: Catalog, tableId: string): Promise<Version[]> {
  const head = await catalog.findTable({ tableId });
  const commits = await catalog.readCommits(tableId, 0, head?.version ?? 0, { maxActions: Number.MAX_SAFE_INTEGER });
  const { items } = await catalog.history(tableId, { limit: 100_000 });
  const blind = new Map(items.map((item) => [item.version, item.isBlindAppend]));
  return commits.map(({ version, timestamp, actions }) => ({
    version,
    timestamp,
    transactionId: String(actions.commitInfo?.txnId),
    adds: actions.adds.map(fileRef),
    removes: actions.removes.map(fileRef),
    appIds: actions.txns.map((txn) => txn.appId),
    domains: actions.domains.map(({ domain }) => domain),
    changesMetadata: actions.metadata !== undefined,
    isBlindAppend: blind.get(version) ?? false,
  }));
}

export function errorName(error: unknown): string {
  return isLakeError(error) ? `${error.kind} ${error.code}: ${error.message}` : String(error);
}
