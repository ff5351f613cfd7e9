/** Runs the contract of the Catalog on every engine that is there. */

import { catalogContract } from "../contract/catalog.contract.ts";
import { testEngines } from "../support/catalog-engines.ts";

for (const engine of testEngines()) catalogContract(engine);
