/** What readers cannot do whoever wrote the table, and what we refuse although all readers take it: each with its reason. */

interface Entry {
  readonly matches: RegExp;
  readonly reason: string;
}

/** Errors by which a reader says that it lacks a feature of Delta. */
const LIMITS: Readonly<Record<string, readonly Entry[]>> = {
  "delta-rs": [{ matches: /typeWidening|type widening/i, reason: "delta-rs has no type widening" }],
  Polars: [
    { matches: /columnMapping|column mapping/i, reason: "Polars has no column mapping" },
    { matches: /typeWidening|v2Checkpoint/i, reason: "Polars lacks this feature" },
  ],
};

/** Refusals of ours of what every reader takes. `matches` is compared with the code and the message. */
export const JUSTIFIED: readonly (Entry & { readonly rule: string })[] = [];

export function limitOf(reader: string, error: string): string | undefined {
  return LIMITS[reader]?.find(({ matches }) => matches.test(error))?.reason;
}

export function justification(refusal: string): string | undefined {
  return JUSTIFIED.find(({ matches }) => matches.test(refusal))?.rule;
}
