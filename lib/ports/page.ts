/** A part of a list. */

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it back to get the next page; absent on the last. Opaque. */
  readonly next?: string;
}

/** A page of which whoever writes it out may take the first items alone, where more would not fit into an answer. */
export interface ListPage<T> extends Page<T> {
  /** Where the list goes on after the first `count` items, at least one: a cursor as `next` is. */
  cursorAfter(count: number): string;
}

/** How much of a list one read returns: at least one item, and no further ones from where these many bytes are reached. */
export interface PageLimits {
  readonly limit: number;
  /** Bytes of the texts of the rows, as the database has them; unlimited if absent. */
  readonly maxBytes?: number;
}
