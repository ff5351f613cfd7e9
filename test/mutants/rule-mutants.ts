/** Planted bugs in the finer rules: domains, partitions that were read, deletion vectors, row ids. */

import { CONFLICTS, FUNCTIONS, INTENT, type Mutant, ROW_CHECKS, WRITE } from "./mutants.ts";

export const RULE_MUTANTS: readonly Mutant[] = [
  {
    name: "the same domain is no conflict",
    fast: true,
    killers: ["model", "processes", "checker"],
    edits: [
      {
        file: CONFLICTS,
        search: "const both = mine.actions.domains.find((d) => ",
        replace: "const both = mine.actions.domains.find((d) => mine.appIds.size < 0 && ",
      },
    ],
  },
  {
    name: "the domain marker is not watched",
    killers: ["model", "processes", "checker"],
    edits: [{ file: INTENT, search: 'if (intent.actions.domains.length > 0) watch.push("domain");', replace: "" }],
  },
  {
    name: "a partition that was read may get new files",
    killers: ["processes", "checker"],
    edits: [
      {
        file: CONFLICTS,
        search: "return mine.readPartitions.some(",
        replace: "return mine.readPartitions.length < 0 && mine.readPartitions.some(",
      },
    ],
  },
  {
    name: "a deletion vector is replaced, whatever another commit has put in its place (SQLite)",
    killers: ["processes"],
    edits: [
      { file: ROW_CHECKS, search: "    if (bad) rejections.push({ tableId, path, ...bad });\n", replace: "" },
      {
        file: ROW_CHECKS,
        search: "(await checkAdd(",
        replace: "(request.removes.length > 0 ? undefined : await checkAdd(",
      },
      {
        file: CONFLICTS,
        search: "if (winner.actions.removes.length === 0 || mine.actions.removes.length === 0) return undefined;",
        replace: "if (mine.actions.removes.length >= 0) return undefined;",
      },
    ],
  },
  {
    name: "row ids are given out twice (SQLite)",
    fast: true,
    killers: ["processes"],
    edits: [{ file: WRITE, search: "    mark = addInt64(mark, row.num_records ?? 0);\n", replace: "" }],
  },
  {
    name: "row ids are given out twice (PL/pgSQL)",
    killers: ["checker"],
    edits: [
      {
        file: FUNCTIONS,
        search: "      t.row_id_high_water_mark := t.row_id_high_water_mark + sums.ids;",
        replace: "      null;",
      },
    ],
  },
];
