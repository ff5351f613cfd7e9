/** Mutations by chance, the same ones for the same seed: of members of actions, of properties, and of partition values. */

import type { Json, JsonObject } from "../../../lib/delta/values/json.ts";
import { type Chance, seeded } from "../../support/random.ts";
import { PARTITION_TYPES } from "./bases.ts";
import type { Case, Standing } from "./case.ts";
import { newMetaData, properties } from "./cases/build.ts";
import { oneValue, TEXTS } from "./cases/partition-values.ts";
import { PROPERTY_VALUES } from "./cases/properties.ts";

/** The nth random case of a seed. */
export function randomCase(next: Chance, nth: number): Case {
  const make = pick(next, [randomMember, randomMember, randomProperty, randomPartitionValue]);
  return make(next, nth);
}

function pick<T>(next: Chance, from: readonly T[]): T {
  return from[Math.floor(next() * from.length)] as T;
}

function randomProperty(next: Chance, nth: number): Case {
  const [key, values] = pick(next, Object.entries(PROPERTY_VALUES));
  const name = next() < 0.3 ? editedText(next, key) : key;
  const value = next() < 0.5 ? editedText(next, pick(next, values)) : pick(next, values);
  return pick(
    next,
    properties("random properties", "simple", { [name]: value }, `#${nth} ${name}=${JSON.stringify(value)}`),
  );
}

function randomPartitionValue(next: Chance, nth: number): Case {
  const type = pick(next, Object.keys(PARTITION_TYPES));
  const [text] = pick(next, TEXTS[type] ?? []);
  const edited = editedText(next, text ?? "");
  return { ...oneValue(type, [edited], nth), kind: "random partition values" };
}

/** One member of one action is another one: gone, of another type, or with another value. */
function randomMember(next: Chance, nth: number): Case {
  const base = pick(next, ["simple", "every type", "by string", "by two", "domains"]);
  const [what, make] = pick(next, Object.entries(GOOD));
  const seed = Math.floor(next() * 2 ** 32);
  return {
    kind: "random members",
    name: `#${nth} ${what}, ${base}`,
    base: what === "domainMetadata" ? "domains" : base,
    commit: (table) => {
      const own = seeded(seed);
      const file = table.next();
      const { actions, at } = make(table, file.add);
      const mutated = actions.map((action, i) => (i === at ? mutatedAction(own, action) : action));
      return { actions: mutated, rows: "as listed", files: [file] };
    },
  };
}

type Made = { readonly actions: readonly JsonObject[]; readonly at: number };
const GOOD: Readonly<Record<string, (table: Standing, add: JsonObject) => Made>> = {
  add: (_, add) => ({ actions: [{ add }], at: 0 }),
  "add beside commitInfo": (_, add) => ({
    actions: [
      {
        commitInfo: {
          operation: "WRITE",
          operationParameters: { mode: "Append" },
          operationMetrics: { numFiles: "1" },
          userMetadata: "x",
          tags: { a: "x" },
          isBlindAppend: true,
          job: { jobId: "1" },
        },
      },
      { add: { ...add, tags: { a: "x" } } },
    ],
    at: 0,
  }),
  remove: ({ live }) => {
    const { path, partitionValues, size } = (live[0]?.add ?? {}) as Record<string, Json>;
    const remove = {
      path,
      partitionValues,
      size,
      deletionTimestamp: 1_767_225_600_000,
      dataChange: true,
      extendedFileMetadata: true,
    };
    return { actions: [{ remove } as JsonObject], at: 0 };
  },
  txn: (_, add) => ({ actions: [{ txn: { appId: "a", version: 1, lastUpdated: 5 } }, { add }], at: 0 }),
  domainMetadata: (_, add) => ({
    actions: [{ domainMetadata: { domain: "d", configuration: "{}", removed: false } }, { add }],
    at: 0,
  }),
  metaData: (table) => ({ actions: [newMetaData(table, { note: "x" })], at: 0 }),
  protocol: (table) => ({ actions: [{ protocol: table.protocol }], at: 0 }),
};

/** Texts within actions that are JSON themselves. */
const TEXT_OF_JSON = ["stats", "schemaString"];

function mutatedAction(next: Chance, action: JsonObject): JsonObject {
  const copy = structuredClone(action) as Record<string, unknown>;
  const inner = Object.values(copy)[0] as Record<string, unknown>;
  const text = TEXT_OF_JSON.find((name) => typeof inner[name] === "string" && next() < 0.4);
  if (text === undefined) {
    mutateWithin(next, copy, 1);
    return copy as JsonObject;
  }
  const parsed = JSON.parse(String(inner[text]));
  // Other names and types of columns are listed cases, with the rows that follow from them.
  mutateWithin(
    next,
    text === "schemaString" ? pick(next, parsed.fields as { metadata: object }[]).metadata : parsed,
    0,
  );
  inner[text] = JSON.stringify(parsed);
  return copy as JsonObject;
}

/** @param depth how many levels must be gone down before something is changed */
function mutateWithin(next: Chance, object: object, depth: number): void {
  const members = object as Record<string, unknown>;
  const keys = Object.keys(members);
  if (keys.length === 0 || (depth === 0 && next() < 0.15)) {
    members[pick(next, ["note", "comment", "__proto__x", ""])] = oddValue(next);
    return;
  }
  const key = pick(next, keys);
  const value = members[key];
  if (typeof value === "object" && value !== null && (depth > 0 || next() < 0.7)) {
    mutateWithin(next, value, depth - 1);
    return;
  }
  const how = next();
  if (how < 0.15) delete members[key];
  else if (how < 0.3) {
    members[editedText(next, key)] = value;
    delete members[key];
  } else if (how < 0.65) members[key] = oddValue(next);
  else members[key] = edited(next, value);
}

function oddValue(next: Chance): unknown {
  const odd = [
    null,
    0,
    1,
    -1,
    1.5,
    2 ** 31,
    2 ** 53,
    true,
    false,
    "",
    "x",
    "1",
    " ",
    [],
    {},
    ["x"],
    { a: 1 },
    { a: "x" },
  ];
  return structuredClone(pick<unknown>(next, odd));
}

function edited(next: Chance, value: unknown): unknown {
  if (typeof value === "string") return editedText(next, value);
  if (typeof value === "number") return pick(next, [-value, value + 0.5, String(value), value * 2 ** 32, value + 1]);
  if (typeof value === "boolean") return pick<unknown>(next, [!value, String(value), Number(value)]);
  if (Array.isArray(value)) return pick<unknown>(next, [[...value, ...value], value.slice(1), [...value, null]]);
  return oddValue(next);
}

export function editedText(next: Chance, text: string): string {
  const at = Math.floor(next() * (text.length + 1));
  const edits = [
    () => text.slice(0, at) + text.slice(at + 1),
    () => text.slice(0, at) + pick(next, [..." 0aZ.-+/%_:é😀"]) + text.slice(at),
    () => text.toUpperCase(),
    () => `${text} `,
    () => text + text,
    () => text.slice(0, at) + text.slice(at).split("").reverse().join(""),
    () => `-${text}`,
  ];
  return pick(next, edits)();
}
