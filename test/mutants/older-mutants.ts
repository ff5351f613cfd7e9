/** Planted bugs in how a database that is older than a log is noticed. */

import { FUNCTIONS, type Mutant } from "./mutants.ts";

const BEHIND = "lib/operations/committing/behind-log.ts";
const SIGHT = "lib/operations/committing/first-sight.ts";

export const OLDER_MUTANTS: readonly Mutant[] = [
  {
    name: "no epoch is compared (PL/pgSQL)",
    killers: ["older"],
    edits: [{ file: FUNCTIONS, search: "when requests->i->>'epoch' <> present then", replace: "when false then" }],
  },
  {
    name: "no epoch is compared (TypeScript)",
    killers: ["older"],
    edits: [
      {
        file: "lib/catalog/commit/commit.ts",
        search: "const isOther = request.epoch !== undefined && request.epoch !== epoch;",
        replace: "const isOther = false;",
      },
    ],
  },
  {
    name: "rows that were put back begin no epoch",
    killers: ["older"],
    edits: [{ file: FUNCTIONS, search: "(select xmin from dl_migrations where id = 10)", replace: "''" }],
  },
  {
    name: "a restored SQLite file begins no epoch",
    killers: ["older"],
    edits: [
      {
        file: "lib/catalog/engines/sqlite/epoch.ts",
        search: "if (isMoved || seen.schema !== now.schema)",
        replace: "if (isMoved)",
      },
    ],
  },
  {
    name: "a SQLite file may be copied over",
    killers: ["sight"],
    edits: [
      { file: "lib/catalog/engines/sqlite/epoch.ts", search: "if (isOverwritten) throw", replace: "if (false) throw" },
    ],
  },
  {
    name: "checkpoints above the head do not count",
    killers: ["sight"],
    edits: [
      {
        file: BEHIND,
        search: "return Math.max(commits.at(-1)?.version ?? -1, checkpoints.at(-1)?.version ?? -1);",
        replace: "return checkpoints.length < 0 ? 0 : (commits.at(-1)?.version ?? -1);",
      },
    ],
  },
  {
    name: "what a mirror published meanwhile counts as foreign",
    killers: ["sight"],
    edits: [{ file: BEHIND, search: "listing, head.version);", replace: "listing, table.version);" }],
  },
  {
    name: "what was found is told to no other process",
    killers: ["sight"],
    edits: [
      {
        file: "lib/catalog/commit/planned-rows.ts",
        search: 'const BEHIND_CODES: readonly StopCode[] = ["LOG_AHEAD"];',
        replace: "const BEHIND_CODES: readonly StopCode[] = [];",
      },
    ],
  },
  {
    name: "a log is looked at once and for all",
    killers: ["sight"],
    edits: [{ file: SIGHT, search: "!isPast(now, last, TRUSTED_MS)", replace: "!isPast(now, last, Infinity)" }],
  },
];
