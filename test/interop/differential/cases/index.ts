/** All listed cases. */

import type { Case } from "../case.ts";
import { actionCases } from "./actions.ts";
import { changeCases } from "./changes.ts";
import { fieldCases } from "./fields.ts";
import { importCases } from "./imports.ts";
import { partitionValueCases } from "./partition-values.ts";
import { propertyCases } from "./properties.ts";
import { protocolCases } from "./protocols.ts";
import { schemaCases } from "./schemas.ts";
import { vectorCases } from "./vectors.ts";

export const LISTED: readonly Case[] = [
  ...actionCases(),
  ...partitionValueCases(),
  ...vectorCases(),
  ...fieldCases(),
  ...changeCases(),
  ...protocolCases(),
  ...schemaCases(),
  ...propertyCases(),
  ...importCases(),
];
