/** Sets of values as lists of spans. */

import type { ValueType } from "../values/value-types.ts";
import type { Span } from "./column-tests.ts";

/** Pairs of spans that are looked at; where there are more, what either list says is enough. */
const MAX_PAIRS = 10_000;

/** Spans that hold every value which is in both lists; where readers differ about the order, they may hold more. */
export function commonSpans(a: readonly Span[], b: readonly Span[], type: ValueType): readonly Span[] {
  if (a.length * b.length > MAX_PAIRS) return a.length < b.length ? a : b;
  return a.flatMap((one) => b.flatMap((other) => common(one, other, type)));
}

function common(a: Span, b: Span, { compare }: ValueType): readonly Span[] {
  const lows = [a.low, b.low].filter((bound) => bound !== undefined);
  const highs = [a.high, b.high].filter((bound) => bound !== undefined);
  const low = lows.length === 2 && (compare(lows[0], lows[1]) ?? 1) < 0 ? lows[1] : lows[0];
  const high = highs.length === 2 && (compare(highs[0], highs[1]) ?? -1) > 0 ? highs[1] : highs[0];
  if (low !== undefined && high !== undefined && (compare(low, high) ?? 0) > 0) return [];
  return [{ ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) }];
}
