/** The truths that a predicate may have for the rows of a file, as a set of bits; SQL's unknown is a truth of its own. */

export type Truths = number;
export const TRUE = 1;
export const FALSE = 2;
export const UNKNOWN = 4;
/** We cannot tell: the file may hold rows of any kind. */
export const ANY = TRUE | FALSE | UNKNOWN;

export const truth = (value: boolean): Truths => (value ? TRUE : FALSE);

export function not(a: Truths): Truths {
  return (a & UNKNOWN) | (a & TRUE ? FALSE : 0) | (a & FALSE ? TRUE : 0);
}

export function and(a: Truths, b: Truths): Truths {
  const unknown = (a & UNKNOWN && b & (UNKNOWN | TRUE)) || (b & UNKNOWN && a & (UNKNOWN | TRUE));
  return (a & b & TRUE) | ((a | b) & FALSE) | (unknown ? UNKNOWN : 0);
}

export function or(a: Truths, b: Truths): Truths {
  return not(and(not(a), not(b)));
}
