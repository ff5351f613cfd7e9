/** A part of a list. */

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it back to get the next page; absent on the last. Opaque. */
  readonly next?: string;
}
