/** A whole list as one body, page after page in bounded memory: the next page is read while one is sent. */

import type { Page } from "../ports.ts";

/** How items become bytes. */
export interface ListForm<T> {
  readonly contentType: string;
  /** Before the first page. */
  readonly begin?: () => Uint8Array;
  readonly page: (items: readonly T[]) => Uint8Array;
  /** After the last page. */
  readonly end?: () => Uint8Array;
}

export interface StreamedList<T> {
  /** Read before the answer begins, so that errors still have a status of their own. */
  readonly first: Page<T>;
  readonly next: (cursor: string) => Promise<Page<T>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Told of an error later than that; true when it has broken the connection. */
  readonly onError: (error: unknown) => boolean;
}

export function streamList<T>({ first, next, headers, onError }: StreamedList<T>, form: ListForm<T>): Response {
  let coming: Promise<Page<T>> | undefined = Promise.resolve(first);
  let begun = false;
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    if (!begun && form.begin) controller.enqueue(form.begin());
    begun = true;
    const page: Page<T> | undefined = await coming;
    coming = page?.next === undefined ? undefined : next(page.next);
    // Whoever awaits it hears of its failure; until then nobody does.
    coming?.catch(() => undefined);
    if (page && page.items.length > 0) controller.enqueue(form.page(page.items));
    if (coming !== undefined) return;
    if (form.end) controller.enqueue(form.end());
    controller.close();
  };
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      pull(controller).catch((error) => {
        if (onError(error)) controller.close();
        else controller.error(error);
      }),
  });
  return new Response(body, { headers: { ...headers, "content-type": form.contentType } });
}

/** One page as a body; where there are more, a header has what asks for the next. */
export function pageOf<T>(page: Page<T>, form: ListForm<T>, headers: Readonly<Record<string, string>> = {}): Response {
  const parts = [form.begin?.(), form.page(page.items), form.end?.()].filter((part) => part !== undefined);
  const more: Record<string, string> = page.next === undefined ? {} : { "delta-next": page.next };
  return new Response(Buffer.concat(parts), { headers: { ...more, ...headers, "content-type": form.contentType } });
}
