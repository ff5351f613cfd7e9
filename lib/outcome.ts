/** What a call in another thread has come to, as plain data: a clone of an error would keep its message alone. */

import { type ErrorKind, LakeError } from "./errors.ts";

export type Outcome = { readonly value: unknown } | { readonly error: ErrorText };

interface ErrorText {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly code?: string;
  readonly at?: string;
  readonly hint?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

export async function outcomeOf(work: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof LakeError)) return { error: { kind: "internal", message: String(error) } };
    const { kind, message, code, at, hint, facts } = error;
    return { error: { kind, message, code, facts, ...(at && { at }), ...(hint && { hint }) } };
  }
}

/** @throws LakeError the error that the other thread had */
export function resultOf(outcome: Outcome): unknown {
  if ("value" in outcome) return outcome.value;
  const { kind, message, ...details } = outcome.error;
  throw new LakeError(kind, message, details);
}
