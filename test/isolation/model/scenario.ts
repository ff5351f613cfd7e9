/** What the clients of one run are going to try, as arbitrary values that shrink. */

import fc from "fast-check";

export const DEEDS = [
  "append",
  "collide",
  "remove",
  "rewrite",
  "mark",
  "readd",
  "optimize",
  "metadata",
  "nothing",
] as const;
export const READS = ["unsaid", "whole", "files", "files", "none", "none"] as const;
/** What becomes of the caller: it may die before or after its commit call, or send the request to both servers at once. */
export const FATES = ["plain", "plain", "dies before", "dies after", "twins"] as const;
export const LOOKS = ["heads", "heads", "time", "transaction"] as const;

export interface PlannedPart {
  readonly table: number;
  readonly deed: (typeof DEEDS)[number];
  readonly reads: (typeof READS)[number];
  /** Which of the live files. */
  readonly picks: readonly number[];
  readonly level?: "Serializable" | "WriteSerializable" | undefined;
  readonly app?: number | undefined;
  readonly domain?: number | undefined;
}

export interface PlannedTransaction {
  readonly server: 0 | 1;
  readonly fate: (typeof FATES)[number];
  readonly parts: readonly PlannedPart[];
  /** How far the clock has moved since, in milliseconds; it may step back. */
  readonly clock: number;
}

export interface Scenario {
  readonly levels: readonly ("Serializable" | "WriteSerializable")[];
  readonly clients: readonly (readonly PlannedTransaction[])[];
  readonly looks: readonly (typeof LOOKS)[number][];
  readonly mirrors: readonly { readonly server: 0 | 1; readonly table: number }[];
  readonly choices: readonly number[];
}

const level = fc.constantFrom("Serializable" as const, "WriteSerializable" as const);
const server = fc.constantFrom(0 as const, 1 as const);

const part: fc.Arbitrary<PlannedPart> = fc.record({
  table: fc.nat(3),
  deed: fc.constantFrom(...DEEDS),
  reads: fc.constantFrom(...READS),
  picks: fc.array(fc.nat(7), { minLength: 1, maxLength: 3 }),
  level: fc.option(level, { nil: undefined, freq: 3 }),
  app: fc.option(fc.nat(1), { nil: undefined, freq: 4 }),
  domain: fc.option(fc.nat(1), { nil: undefined, freq: 4 }),
});

const transaction: fc.Arbitrary<PlannedTransaction> = fc.record({
  server,
  fate: fc.constantFrom(...FATES),
  parts: fc.uniqueArray(part, { selector: ({ table }) => table, minLength: 1, maxLength: 3 }),
  clock: fc.integer({ min: -20, max: 20 }),
});

export const scenario: fc.Arbitrary<Scenario> = fc.record({
  levels: fc.array(level, { minLength: 2, maxLength: 4 }),
  clients: fc.array(fc.array(transaction, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 6 }),
  looks: fc.array(fc.constantFrom(...LOOKS), { maxLength: 6 }),
  mirrors: fc.array(fc.record({ server, table: fc.nat(3) }), { maxLength: 6 }),
  choices: fc.array(fc.nat(30), { minLength: 20, maxLength: 60 }),
});
