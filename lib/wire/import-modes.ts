/** How much of a table's history an import takes in. */

import type { ImportMode } from "../operations/import.ts";

export const IMPORT_MODES = ["full-history", "snapshot"] as const satisfies readonly ImportMode[];
