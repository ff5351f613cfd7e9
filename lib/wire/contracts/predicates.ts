/** Predicates of commits and of scans as an OpenAPI component; lib/delta/predicates.ts compiles them and says what is wrong. */

import { COUNT, TEXT } from "../../delta/limits.ts";

const column = { type: "string", maxLength: TEXT.column };
const value = { type: ["string", "number", "boolean"], maxLength: TEXT.value };
const COMPARISONS = ["=", "<>", "<", "<=", ">", ">="];
const nested = { $ref: "#/components/schemas/Predicate" };
const several = { type: "array", minItems: 1, maxItems: COUNT.predicateValues, items: nested };

function form(properties: Readonly<Record<string, object>>) {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

export const PREDICATE = {
  description:
    `Nested at most 50 deep; all predicates of a table have at most ${COUNT.predicateValues} values. ` +
    "An `op` that is not known here is taken, and may match anything.",
  anyOf: [
    form({ column, op: { type: "string", enum: COMPARISONS }, value }),
    form({ column, op: { const: "startsWith" }, value }),
    form({ column, op: { const: "in" }, values: { type: "array", maxItems: COUNT.predicateValues, items: value } }),
    form({ column, op: { const: "isNull" } }),
    form({ and: several }),
    form({ or: several }),
    form({ not: nested }),
  ],
};
