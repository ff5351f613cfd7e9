/** The files of a table over an object store: sizes, and footers of Parquet files. It reads, and writes nothing. */

import { isLakeError, unavailable } from "../errors.ts";
import type { ObjectStore, TableFiles } from "../ports.ts";

/**
 * @param store rooted at the table
 * @param options.timeoutMs after which whatever is asked is answered with `unavailable`
 */
export function openTableFiles(store: ObjectStore, { timeoutMs }: { readonly timeoutMs: number }): TableFiles {
  const signal = AbortSignal.timeout(timeoutMs);
  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (signal.aborted) throw tooSlow(timeoutMs);
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted) throw tooSlow(timeoutMs, error);
      if (isLakeError(error, "corrupt")) throw error;
      // What is refused, such as access, is worth no more than no answer: it says nothing about the file.
      throw isLakeError(error, "invalid") ? unavailable(error.message, { ...hintOf(error.hint), cause: error }) : error;
    }
  };
  return {
    sizeOf: (key) => asked(async () => (await store.head(key, { signal }))?.size),
    lengthAt: (key, offset) =>
      asked(async () => {
        const start = Number(offset);
        const bytes = await store.getRange(key, start, start + 4, { signal });
        return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
      }),
    footerOf: (key, size) =>
      asked(async () => {
        // Loaded by the first deep check: hyparquet is for them alone.
        const [{ openParquetFile }, { footerOf }] = await Promise.all([
          import("../parquet/read/file.ts"),
          import("./footer.ts"),
        ]);
        const limited = {
          ...store,
          getRange: (k: string, start: number, end: number) => store.getRange(k, start, end, { signal }),
        };
        return footerOf(await openParquetFile({ store: limited, key, size, unreadable: "FILE_NOT_PARQUET" }));
      }),
  };
}

function hintOf(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

function tooSlow(timeoutMs: number, cause?: unknown): Error {
  return unavailable(`the storage has not answered all questions within ${timeoutMs} ms`, {
    hint: "Try again.",
    cause,
  });
}
