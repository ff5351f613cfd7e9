/** Makes a catalog again when all that is left are logs: finds them, says which table each is, and imports it as that. */

import { decodeManifest } from "../delta/manifest.ts";
import { originOf } from "../delta/origin.ts";
import {
  type FoundLog,
  type FoundTable,
  planRebuild,
  type RebuildPlan,
  type SkippedLog,
} from "../delta/rebuild-plan.ts";
import { errorText, invalid, isLakeError } from "../errors.ts";
import type { Lake } from "../ports.ts";
import { importTable } from "./import.ts";
import type { OnProgress } from "./import-rows.ts";
import { inTurn } from "./in-turn.ts";
import { lifeOf } from "./tables/former-life.ts";

export interface RebuildRequest {
  /** Canonical. */
  readonly roots: readonly string[];
  /** Which catalog, where the manifests name several. */
  readonly catalogId?: string;
  /** Names of tables whose log does not know it, by id or location. */
  readonly names?: ReadonlyMap<string, string>;
  /** True: tables of others are imported as well, under a name after their place. */
  readonly foreign?: boolean;
  /** True: nothing is written. */
  readonly dryRun?: boolean;
}

export interface RebuiltTable {
  readonly tableId: string;
  readonly name: string;
  readonly location: string;
  readonly status: "active" | "dropped";
  /** Absent where nothing was written. */
  readonly version?: number;
  readonly files?: number;
  readonly notes: readonly string[];
}

export interface RebuildResult {
  readonly catalogId?: string;
  readonly tables: readonly RebuiltTable[];
  readonly skipped: readonly SkippedLog[];
  /** Tables that could not be made again; the rebuild is not finished, and may be repeated. */
  readonly failed: readonly { readonly location: string; readonly tableId: string; readonly error: string }[];
  /** Transactions of which the log of some table is missing. */
  readonly incompleteTransactions: number;
}

/** Logs that are looked at, … */
const LOOKS_AT_ONCE = 8;
/** … and tables that are imported, at one time. */
const IMPORTS_AT_ONCE = 4;
/** Others may have written the newest commits; so far we look for one of ours. */
const COMMITS_LOOKED_AT = 20;

/**
 * Into an empty database. Ids, names, former names, drops, transactions and history come back as far as the logs have them.
 * One table after the other shows itself when it is whole; killed, the same call goes on. What was never published is lost.
 * @throws LakeError conflict TARGET_NOT_EMPTY; invalid: SEVERAL_CATALOGS, UNKNOWN_CATALOG; unavailable
 */
export async function rebuildCatalog(
  lake: Lake,
  request: RebuildRequest,
  onProgress: OnProgress = () => {},
): Promise<RebuildResult> {
  const logs = await findLogs(lake, request.roots, onProgress);
  const plan = planRebuild(logs, request);
  checkCatalog(plan, request);
  const skipped = plan.skipped.filter(({ why }) => why !== "foreign" || !request.foreign);
  if (request.dryRun) {
    const tables = plan.tables.map((table) => answerOf(table));
    return { ...plan, tables, skipped, failed: [], incompleteTransactions: 0 };
  }
  const { catalogId: wanted } = plan;
  const catalogId = await lake.catalog.beginRebuild(wanted === undefined ? {} : { catalogId: wanted });
  const tables: RebuiltTable[] = [];
  const failed: { location: string; tableId: string; error: string }[] = [];
  const work = [...plan.tables, ...(request.foreign ? foreignTables(lake, plan) : [])];
  await inTurn(work, IMPORTS_AT_ONCE, async (table) => {
    try {
      tables.push(await makeAgain(lake, table));
    } catch (error) {
      if (isLakeError(error, "unavailable") || !isLakeError(error)) throw error;
      failed.push({ location: table.location, tableId: table.tableId, error: errorText(error) });
    }
    onProgress({ phase: "tables", done: tables.length + failed.length, total: work.length });
  });
  if (failed.length === 0) await lake.catalog.finishRebuild();
  tables.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { catalogId, tables, skipped, failed, incompleteTransactions: await countIncomplete(lake) };
}

function checkCatalog({ catalogId, catalogs, tables }: RebuildPlan, wanted: RebuildRequest): void {
  const known = Object.entries(catalogs).sort((a, b) => b[1] - a[1]);
  const named = known.slice(0, 5).map(([id, count]) => `${id} (${count} tables)`);
  // Logs without a manifest belong to whichever catalog is asked for.
  const isUnknown = wanted.catalogId !== undefined && catalogs[wanted.catalogId] === undefined;
  if (isUnknown && (known.length > 0 || tables.length === 0)) {
    throw invalid(`no log belongs to the catalog ${wanted.catalogId}`, {
      code: "UNKNOWN_CATALOG",
      hint:
        named.length > 0
          ? `The logs belong to ${named.join(", ")}.`
          : `No table of ours is below ${wanted.roots.join(", ")}.`,
      facts: { catalogs },
    });
  }
  if (catalogId !== undefined || known.length < 2) return;
  throw invalid(`the logs belong to ${known.length} catalogs: ${named.join(", ")}`, {
    code: "SEVERAL_CATALOGS",
    hint: "Say which one is to be made again, with --catalog-id; the tables of the others are left out.",
    facts: { catalogs },
  });
}

async function findLogs(lake: Lake, roots: readonly string[], onProgress: OnProgress): Promise<readonly FoundLog[]> {
  if (lake.findTables === undefined) throw invalid("this process cannot look for tables");
  const seen = new Set<string>();
  const logs: FoundLog[] = [];
  for (const root of roots) {
    const locations: string[] = [];
    for await (const location of lake.findTables(root)) {
      if (!seen.has(location)) locations.push(location);
      seen.add(location);
    }
    await inTurn(locations, LOOKS_AT_ONCE, async (location) => {
      const log = await lookAt(lake, location);
      if (log !== undefined) logs.push(log);
      onProgress({ phase: "logs", done: logs.length });
    });
  }
  return logs;
}

/** Undefined for a log without any version: nothing was published there. */
async function lookAt(lake: Lake, location: string): Promise<FoundLog | undefined> {
  const log = lake.openLog(location);
  const bytes = await log.readManifest();
  const manifest = bytes && decodeManifest(bytes);
  const { commits, checkpoints } = await log.list();
  if (commits.length + checkpoints.length === 0) return undefined;
  let author: string | undefined;
  let newestAt: number | undefined;
  let isManifestOld = false;
  for (const [i, { version }] of commits.toReversed().entries()) {
    const isKnown = author !== undefined && (manifest === undefined || author === manifest.tableId || isManifestOld);
    if (isKnown || (author === undefined && i >= COMMITS_LOOKED_AT)) break;
    const { actions, modifiedAt } = await log.readCommit(version);
    const origin = originOf(actions.commitInfo);
    const own = actions.commitInfo?.inCommitTimestamp;
    if (i === 0) newestAt = typeof own === "number" ? own : (origin?.timestamp ?? modifiedAt);
    if (author !== undefined && origin?.tableId === manifest?.tableId) isManifestOld = true;
    author ??= origin?.tableId;
  }
  return {
    location,
    ...(manifest && { manifest }),
    ...(author === undefined ? {} : { author }),
    ...(newestAt === undefined ? {} : { newestAt }),
    isManifestOld,
  };
}

/** Tables of others, under new ids. */
function foreignTables(lake: Lake, { skipped }: RebuildPlan): readonly FoundTable[] {
  return skipped
    .filter(({ why }) => why === "foreign")
    .flatMap(({ location }) => planRebuild([{ location, author: lake.clock.newId() }]).tables);
}

async function makeAgain(lake: Lake, table: FoundTable): Promise<RebuiltTable> {
  const { tableId, location } = table;
  const own = await lake.catalog.findTable({ tableId }, { anyStatus: true });
  const there = own ?? (await lake.catalog.tableAt(location));
  if (there !== undefined && there.status !== "IMPORTING") {
    return { ...answerOf(table), tableId: there.tableId, version: there.version, files: there.numFiles };
  }
  const again = { tableId, life: lifeOf(table.manifest, table) };
  const imported = await importTable(lake, { location, name: table.name, mode: "full-history", again });
  const { version, files, notes } = imported;
  return { ...answerOf(table), version, files, notes: [...table.notes, ...notes] };
}

function answerOf({ tableId, name, location, droppedAt, notes }: FoundTable): RebuiltTable {
  return { tableId, name, location, status: droppedAt === undefined ? "active" : "dropped", notes };
}

async function countIncomplete(lake: Lake): Promise<number> {
  const limit = 1000;
  let count = 0;
  for (let after: string | undefined; ; ) {
    const some = await lake.catalog.incompleteTransactions({ limit, ...(after === undefined ? {} : { after }) });
    count += some.length;
    after = some.at(-1)?.transactionId;
    if (some.length < limit || after === undefined) return count;
  }
}
