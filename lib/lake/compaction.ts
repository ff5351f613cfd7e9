/** What rewrites data files, on the stores of the lake. DuckDB is loaded by the first file that it writes. */

import type { FileRewriter } from "../ports.ts";
import { openStore } from "./stores.ts";

export async function openFileRewriter(): Promise<FileRewriter> {
  const { openRewriter } = await import("../compaction/rewriter.ts");
  return openRewriter({ openStore });
}
