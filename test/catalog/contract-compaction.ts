/** Contract of the reads for compaction: sums and small files are those that a look at every live file gives. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AddFile } from "../../lib/delta/actions.ts";
import type { CompactionRule } from "../../lib/delta/compaction.ts";
import { isLakeError } from "../../lib/errors.ts";
import type { CatalogUnderTest } from "../contract/catalog.contract.ts";
import { add, all, commitNext, dv, id, newTable, remove } from "../support/catalog-plans.ts";
import { seeded } from "../support/random.ts";

const RULE: CompactionRule = { smallerThan: 500, deletedPercent: 5 };

/** Files of all kinds in a few partitions, whose names sort otherwise in most locales. */
function someFiles(random: () => number, count: number): AddFile[] {
  const partitions = [null, "a", "B", "ä", "b'\\"];
  return Array.from({ length: count }, (_, i) => {
    const rows = Math.floor(random() * 100);
    const cardinality = 1 + Math.floor(random() * 10);
    return add(`f${i}`, {
      size: Math.floor(random() * 1000),
      partitionValues: { p: partitions[Math.floor(random() * partitions.length)] ?? null },
      stats: random() < 0.1 ? '{"minValues":{}}' : JSON.stringify({ numRecords: rows }),
      ...(random() < 0.3 ? { deletionVector: { ...dv(`x${i}`), cardinality } } : {}),
    });
  });
}

const rowsOf = ({ stats }: AddFile): number | undefined => JSON.parse(stats ?? "{}").numRecords;
const deletedOf = ({ deletionVector: vector }: AddFile): number => Number(vector?.cardinality ?? 0);

function isPicked(file: AddFile): boolean {
  const rows = rowsOf(file);
  if (Number(file.size) < RULE.smallerThan) return true;
  return deletedOf(file) > 0 && rows !== undefined && deletedOf(file) * 100 >= rows * RULE.deletedPercent;
}

const bytes = (text: string): string => Buffer.from(text).toString("hex");

export function compactionContract({ catalog }: CatalogUnderTest): void {
  test("sums and small files agree with the live files, at every version", async () => {
    const random = seeded(11);
    const versions = [someFiles(random, 40)];
    const tableId = await newTable(catalog(), versions[0]);
    const more = someFiles(random, 20).map((file) => ({ ...file, path: `later-${file.path}` }));
    const gone = (versions[0] ?? []).slice(0, 10);
    await commitNext(catalog(), tableId, {
      actions: {
        adds: more,
        removes: gone.map((file) =>
          remove(file.path, file.deletionVector ? { deletionVector: file.deletionVector } : {}),
        ),
      },
    });
    versions.push([...(versions[0] ?? []).slice(10), ...more]);
    for (const [version, files] of versions.entries()) {
      const sum = (of: (file: AddFile) => number) => files.reduce((total, file) => total + of(file), 0);
      assert.deepEqual(await catalog().fileTotals(tableId, version, RULE), {
        files: files.length,
        bytes: sum((file) => Number(file.size)),
        rows: sum((file) => rowsOf(file) ?? 0),
        deletedRows: sum(deletedOf),
        filesWithDeletedRows: files.filter((file) => deletedOf(file) > 0).length,
        smallFiles: files.filter((file) => Number(file.size) < RULE.smallerThan).length,
        partitions: new Set(files.map((file) => JSON.stringify(file.partitionValues))).size,
      });
      const wanted = files
        .filter(isPicked)
        .map((file, i) => ({ file, i, key: bytes(JSON.stringify(file.partitionValues)) }))
        .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.i - b.i))
        .map(({ file }) => file);
      const found = await all((page) => catalog().smallFiles(tableId, version, { rule: RULE, limit: 7, ...page }));
      assert.deepEqual(
        found,
        wanted.map(({ stats, ...file }) => {
          const rows = rowsOf({ ...file, ...(stats === undefined ? {} : { stats }) });
          return { file, ...(rows === undefined ? {} : { rows }) };
        }),
      );
    }
  });

  test("counts from outside may be as large as 64 bits", async () => {
    const most = 2n ** 63n - 1n;
    const large = add("f", {
      size: most,
      stats: `{"numRecords":${most}}`,
      deletionVector: { ...dv("x"), cardinality: most },
    });
    const tableId = await newTable(catalog(), [large]);
    const totals = await catalog().fileTotals(tableId, 0, RULE);
    assert.deepEqual([totals.bytes, totals.rows, totals.deletedRows], [most, most, most]);
    const { items } = await catalog().smallFiles(tableId, 0, { rule: RULE, limit: 2 });
    assert.deepEqual(
      items.map(({ rows }) => rows),
      [most],
    );
  });

  test("an empty table has sums of nothing; a table or version that is not there is not found", async () => {
    const tableId = await newTable(catalog());
    const nothing = {
      files: 0,
      bytes: 0,
      rows: 0,
      deletedRows: 0,
      filesWithDeletedRows: 0,
      smallFiles: 0,
      partitions: 0,
    };
    assert.deepEqual(await catalog().fileTotals(tableId, 0, RULE), nothing);
    for (const [table, version] of [
      [tableId, 1],
      [id(), 0],
    ] as const) {
      await assert.rejects(catalog().fileTotals(table, version, RULE), (error) => isLakeError(error, "notFound"));
    }
  });
}
