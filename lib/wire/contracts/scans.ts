/** Wire contract of scan planning: `POST /v1/tables/{tableId}/plan`. */

import { COUNT, TEXT } from "../../delta/limits.ts";
import { documentedArray } from "./actions.ts";
import { READ_EXAMPLES } from "./reads.ts";
import {
  count,
  cursor,
  integer,
  list,
  millis,
  next,
  PAGE_DEFAULT,
  PAGE_MAX,
  shownAs,
  text,
  timestamp,
  uuid,
  version,
  z,
} from "./values.ts";

export const planRequest = z
  .strictObject({
    version: integer(0, { description: "The files of this version; of the newest if absent" }).optional(),
    timestamp: timestamp.optional(),
    predicate: shownAs(z.unknown(), { $ref: "#/components/schemas/Predicate" }),
    columns: list(text(TEXT.column, 1), { max: COUNT.columns }).optional().meta({
      description: "Columns whose statistics are wanted, members of structs with dots; those of all columns if absent",
    }),
    limit: integer(
      1,
      { description: `At most so many files in the answer; ${PAGE_DEFAULT} if absent, or what the server is set to` },
      PAGE_MAX,
    ).optional(),
    cursor,
  })
  .meta({
    id: "PlanRequest",
    not: { required: ["version", "timestamp"], properties: { version: {}, timestamp: {} } },
  });
export const planExamples = {
  range: {
    summary: "What a day holds of a range of ids",
    value: {
      predicate: {
        and: [
          { column: "day", op: "=", value: "2026-01-31" },
          { column: "id", op: ">=", value: 1000 },
          { column: "id", op: "<", value: 2000 },
        ],
      },
      columns: ["id"],
    },
  },
};

export const planAnswer = z
  .object({
    tableId: uuid,
    version,
    timestamp: millis,
    files: documentedArray("AddFile"),
    totalFiles: count.meta({ description: "Files of the version" }),
    keptFiles: count.meta({
      description: "Files of this page and those before it; of the whole scan where there is no `next`",
    }),
    next,
  })
  .meta({ id: "Plan" });

export const PLAN_EXAMPLES = { plan: { ...READ_EXAMPLES.files, totalFiles: 1_000_000, keptFiles: 1 } };
