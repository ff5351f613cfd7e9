/** Looks at files as a commit does, without a commit: for tables of other writers, which lie there with their files. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type CommitActions, type Metadata, NO_ACTIONS } from "../../lib/delta/actions.ts";
import { ActionCollector } from "../../lib/delta/decode.ts";
import { type Json, parseJson } from "../../lib/delta/values/json.ts";
import { openTableFiles } from "../../lib/files/table-files.ts";
import type { PlannedPart } from "../../lib/operations/committing/parts.ts";
import { type Verified, verifyFiles } from "../../lib/operations/committing/verify-files.ts";
import type { Lake, TableFiles } from "../../lib/ports.ts";
import { openFileStore } from "../../lib/storage/file.ts";

export interface LoggedCommit {
  readonly version: number;
  readonly actions: CommitActions;
  /** In force at this version. */
  readonly metadata: Metadata;
}

/** The commits of a table in a folder that are there as JSON, with the metadata that they mean. */
export function commitsIn(folder: string): LoggedCommit[] {
  const log = join(folder, "_delta_log");
  const names = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  let metadata: Metadata | undefined;
  return names.sort().flatMap((name) => {
    const collector = new ActionCollector({ strict: false });
    const lines = readFileSync(join(log, name), "utf8")
      .split("\n")
      .filter((line) => line.trim() !== "");
    for (const [i, line] of lines.entries()) collector.collect(parseJson(line) as Json, `/tables/0/actions/${i}`);
    const actions = collector.actions();
    metadata = actions.metadata ?? metadata;
    return metadata === undefined ? [] : [{ version: Number.parseInt(name, 10), actions, metadata }];
  });
}

/** @throws LakeError as a commit of these adds would */
export async function verifyIn(folder: string, { actions, metadata }: LoggedCommit): Promise<Verified | undefined> {
  const lake = {
    files: {
      byDefault: "off",
      open: (_: string, options: { timeoutMs: number }) => openTableFiles(openFileStore(folder), options),
    },
    metrics: { record: () => undefined },
  } as unknown as Lake;
  const part = {
    asked: { actions: { ...NO_ACTIONS, adds: actions.adds }, at: "/tables/0" },
    state: { tableId: "t", location: pathToFileURL(folder).href, metadata },
  } as unknown as PlannedPart;
  return (await verifyFiles(lake, { verifyFiles: "deep" }, [part])).get("t");
}

/** As a commit does that adds these files: existence and size. */
export async function verifySizes(files: TableFiles, keys: readonly string[], size: number): Promise<void> {
  const adds = keys.map((path) => ({ path, size, partitionValues: {}, modificationTime: 1, dataChange: true }));
  const metadata = { id: "t", format: { provider: "parquet", options: {} }, partitionColumns: [], configuration: {} };
  const part = {
    asked: { actions: { ...NO_ACTIONS, adds }, at: "/tables/0" },
    state: { tableId: "t", location: "file:///lake/t", metadata },
  } as unknown as PlannedPart;
  const lake = {
    files: { byDefault: "size", open: () => files },
    metrics: { record: () => undefined },
  } as unknown as Lake;
  await verifyFiles(lake, { verifyFiles: "size" }, [part]);
}
