/**
 * How large an answer may be, wherever it is given. Lambda takes 6 MiB, and what it takes is text: a body that would grow in it
 * beyond that goes as base64, which makes four bytes of three.
 */

import { stringifyJson } from "../delta/values/json.ts";
import type { ListPage, PageLimits } from "../ports.ts";

/** Bytes of a whole body. */
export const ANSWER_BYTES = 4_500_000;

/** Bytes of the list in an answer: what else is in it fits into the rest. Every item fits: an action has at most four million. */
export const PAGE_BYTES = 4_250_000;

/** Bytes of the applications, and of the domains, that a table's description has; more are lists of their own. */
export const INLINE: PageLimits = { limit: 1000, maxBytes: 20_000 };

/** Items that are written out, as many as an answer holds; and where the list goes on. */
export interface WrittenPage {
  readonly items: readonly string[];
  readonly next?: string;
}

/** The first of the items as JSON texts: at least one, and no more than fit into so many bytes. */
export function written<T>(items: readonly T[], write: (item: T) => unknown, maxBytes = PAGE_BYTES): readonly string[] {
  const texts: string[] = [];
  let bytes = 0;
  for (const item of items) {
    const text = stringifyJson(write(item));
    bytes += Buffer.byteLength(text) + 1;
    if (texts.length > 0 && bytes > maxBytes) break;
    texts.push(text);
  }
  return texts;
}

/** A page of a list as JSON texts, with less on it than there is where that would not fit. */
export function writtenPage<T>(page: ListPage<T>, write: (item: T) => unknown): WrittenPage {
  const items = written(page.items, write);
  const next = items.length < page.items.length ? page.cursorAfter(items.length) : page.next;
  return next === undefined ? { items } : { items, next };
}

/** An object of which one member is a list that has been written already. */
export function objectText(
  before: object,
  list: { readonly [name: string]: readonly string[] },
  after: object,
): string {
  const lists = Object.entries(list).map(([name, items]) => `${stringifyJson(name)}:[${items.join(",")}]`);
  const inside = [stringifyJson(before).slice(1, -1), ...lists, stringifyJson(after).slice(1, -1)];
  return `{${inside.filter((part) => part !== "").join(",")}}`;
}
