/** A lake that looks at the files of commits, in stores of memory; for tests of what it refuses. */

import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { CommitRequest, VerifyFiles } from "../../lib/delta/request.ts";
import type { Json } from "../../lib/delta/values/json.ts";
import { isLakeError, type LakeError, unavailable } from "../../lib/errors.ts";
import { openTableFiles } from "../../lib/files/table-files.ts";
import { commit } from "../../lib/operations/commit.ts";
import type { Lake, ObjectStore } from "../../lib/ports.ts";
import { newTable, openTestLake, request, type TestLake } from "./lake.ts";

export let lake: TestLake;
let tables = 0;
before(async () => {
  lake = await openTestLake();
});
after(() => lake.close());

export const location = (name: string) => `file:///lake/${name}`;

export interface Opened {
  readonly lake: Lake;
  readonly name: string;
  readonly tableId: string;
  readonly store: ObjectStore;
  /** Commits at version 0, and answers what is recorded; or throws. */
  send(actions: readonly Json[], verifyFiles?: VerifyFiles): Promise<Json | undefined>;
}

/** A new table, and a lake that sees its files. */
export async function open(
  options: {
    readonly byDefault?: "size" | "off";
    readonly configuration?: Record<string, string>;
    readonly partitionColumns?: string[];
    readonly around?: (store: ObjectStore) => ObjectStore;
  } = {},
): Promise<Opened> {
  const { byDefault = "size", around = (store) => store, ...table } = options;
  tables += 1;
  const name = `verify.t${tables}`;
  const tableId = await newTable(lake, name, table);
  const seeing: Lake = {
    ...lake,
    files: { byDefault, open: (at, patience) => openTableFiles(around(lake.store(at)), patience) },
  };
  let version = 0;
  return {
    lake: seeing,
    name,
    tableId,
    store: lake.store(location(name)),
    async send(actions, verifyFiles) {
      const asked: CommitRequest = request({ tableId, readVersion: version, actions: [...actions] });
      const places = { adds: asked.tables[0]?.actions.adds.map((_, i) => `/tables/0/actions/${i}/add`) ?? [] };
      const supportedFeatures = { writer: ["changeDataFeed", "deletionVectors", "appendOnly", "invariants"] };
      const withPlaces = { ...asked, tables: asked.tables.map((part) => ({ places, ...part, supportedFeatures })) };
      const result = await commit(seeing, verifyFiles ? { ...withPlaces, verifyFiles } : withPlaces);
      assert.equal(result.status, "committed");
      version += 1;
      const [committed] = await lake.catalog.readCommits(tableId, version, version);
      return committed?.actions.commitInfo?.filesVerified;
    },
  };
}

export async function refusal(work: Promise<unknown>): Promise<LakeError> {
  const error = await work.then(
    (recorded) => assert.fail(`committed, recorded as ${recorded}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isLakeError(error), String(error));
  return error;
}

export const bytes = (count: number) => new Uint8Array(count);
export const away = (store: ObjectStore): ObjectStore => ({
  ...store,
  head: async () => {
    throw unavailable("the bucket does not answer");
  },
});

export function noted(keys: string[], store: ObjectStore, key: string): ReturnType<ObjectStore["head"]> {
  keys.push(key);
  return store.head(key);
}
