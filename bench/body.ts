/** Milliseconds to read the body of a large commit: JSON.parse alone, and exact, bounded and with each name once as the API does. */

import { readJsonText } from "../lib/wire/json-text.ts";
import { addFile, machine, markdownTable, percentile } from "./support.ts";

const FILES = [1_000, 10_000, 50_000];
const ROUNDS = 9;

function median(work: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  });
  return percentile(times, 0.5);
}

const rows = FILES.map((files) => {
  const actions = Array.from({ length: files }, (_, i) => addFile(i));
  const body = Buffer.from(JSON.stringify({ tables: [{ actions }] }));
  const plain = median(() => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)));
  const exact = median(() => readJsonText(body));
  return {
    files,
    MiB: (body.length / 2 ** 20).toFixed(1),
    "JSON.parse": plain.toFixed(1),
    readJsonText: exact.toFixed(1),
  };
});
console.log(`${machine()}\n\n${markdownTable(rows)}`);
