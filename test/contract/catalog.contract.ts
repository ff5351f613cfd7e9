/** What every Catalog must do, as a function of an engine. The parts lie in test/catalog/contract-*.ts. */

import { after, before, describe } from "node:test";
import { openCatalog } from "../../lib/catalog/open.ts";
import type { Catalog } from "../../lib/ports.ts";
import { auditContract } from "../catalog/contract-audit.ts";
import { commitContract } from "../catalog/contract-commit.ts";
import { compactionContract } from "../catalog/contract-compaction.ts";
import { concurrencyContract } from "../catalog/contract-concurrency.ts";
import { grantContract } from "../catalog/contract-grants.ts";
import { importContract } from "../catalog/contract-import.ts";
import { keyContract } from "../catalog/contract-keys.ts";
import { lifecycleContract } from "../catalog/contract-lifecycle.ts";
import { mirrorContract } from "../catalog/contract-mirror.ts";
import { placeContract } from "../catalog/contract-places.ts";
import { rangesContract } from "../catalog/contract-ranges.ts";
import { readContract } from "../catalog/contract-read.ts";
import { recoveryContract } from "../catalog/contract-recovery.ts";
import { rowContract } from "../catalog/contract-rows.ts";
import type { TestDatabase, TestEngine } from "../support/catalog-engines.ts";
import { type TestClock, testClock } from "../support/catalog-plans.ts";

/** What a part of the contract works with: an open, empty-at-first catalog, shared by its tests. */
export interface CatalogUnderTest {
  readonly engine: TestEngine["name"];
  catalog(): Catalog;
  readonly clock: TestClock;
  /** A second catalog on the same database; the caller closes it. */
  reopen(): Promise<Catalog>;
}

const PARTS = {
  commit: commitContract,
  "row checks": rowContract,
  reads: readContract,
  "ranges of files": rangesContract,
  "small files": compactionContract,
  "mirror state": mirrorContract,
  imports: importContract,
  recoveries: recoveryContract,
  "API keys": keyContract,
  grants: grantContract,
  audit: auditContract,
  places: placeContract,
  lives: lifecycleContract,
  concurrency: concurrencyContract,
};

export function catalogContract(engine: TestEngine): void {
  for (const [name, part] of Object.entries(PARTS)) {
    describe(`catalog on ${engine.name}: ${name}`, () => {
      const clock = testClock();
      let database: TestDatabase;
      let catalog: Catalog;
      before(async () => {
        database = await engine.create();
        catalog = await openCatalog(database.url, clock);
        await catalog.migrate();
      });
      after(async () => {
        await catalog.close();
        await database.drop();
      });
      part({ engine: engine.name, catalog: () => catalog, clock, reopen: () => openCatalog(database.url, clock) });
    });
  }
}
