/** The files of a table over an object store: sizes, and footers of Parquet files. It reads, and writes nothing. */

import { isLakeError, unavailable } from "../errors.ts";
import type { ObjectStore, TableFiles } from "../ports.ts";

/**
 * @param store rooted at the table
 * @param options.patienceMs after which whatever is asked is answered with `unavailable`
 */
export function openTableFiles(store: ObjectStore, { patienceMs }: { readonly patienceMs: number }): TableFiles {
  const signal = AbortSignal.timeout(patienceMs);
  const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (signal.aborted) throw tooSlow(patienceMs);
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted) throw tooSlow(patienceMs, error);
      if (isLakeError(error, "corrupt")) throw error;
      // What is refused, such as access, is as good as no answer: it says nothing about the file.
      throw isLakeError(error, "invalid") ? unavailable(error.message, { ...hintOf(error.hint), cause: error }) : error;
    }
  };
  return {
    sizeOf: (key) => asked(async () => (await store.head(key, { signal }))?.size),
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

function tooSlow(patienceMs: number, cause?: unknown): Error {
  return unavailable(`the storage has not answered all questions within ${patienceMs} ms`, {
    hint: "Try again.",
    cause,
  });
}
