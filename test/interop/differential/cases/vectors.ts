/** Deletion vectors, right and wrong ones. */

import type { Json, JsonObject } from "../../../../lib/delta/values/json.ts";
import type { Case, Sent, Standing } from "../case.ts";
import { inlineVector, vectorFile } from "../vectors.ts";
import { adding, withStats } from "./build.ts";

const RAW = JSON as unknown as { rawJSON(text: string): Json };

const loose = (add: JsonObject) => withStats(add, (stats) => ({ ...stats, tightBounds: false }));

/** A new file that comes with a vector: its second row is deleted. */
function fresh(table: Standing, change: (vector: JsonObject) => unknown, make = inlineVector([1])): Sent {
  return adding(
    table,
    (add) => ({ ...loose(add), deletionVector: change(make) as JsonObject }),
    (file) => file.rows.slice(0, 1),
  );
}

export function vectorCases(): Case[] {
  const of = (name: string, commit: (table: Standing) => Sent, base = "vectors"): Case => ({
    kind: "deletion vectors",
    name,
    base,
    additive: base === "vectors",
    commit,
  });
  const field = (key: string, values: readonly Json[]) =>
    values.map((value) => of(`${key} ${JSON.stringify(value)}`, (t) => fresh(t, (dv) => ({ ...dv, [key]: value }))));
  return [
    of("inline", (t) => fresh(t, (dv) => dv)),
    of("in a file", (t) => fresh(t, (dv) => dv, vectorFile(t.folder, [1]).vector)),
    of("in a file by its absolute path", (t) => fresh(t, (dv) => dv, absolute(t, "there"))),
    of("in a file by an absolute path to nothing", (t) => fresh(t, (dv) => dv, absolute(t, "nothing"))),
    of("in a file that is not there", (t) =>
      fresh(t, (dv) => ({ ...dv, pathOrInlineDv: "vBn[lx{q8@P<9BNH/isA" }), vectorFile(t.folder, [1]).vector),
    ),
    of("in a file, wrong offset", (t) => fresh(t, (dv) => ({ ...dv, offset: 7 }), vectorFile(t.folder, [1]).vector)),
    of("in a file, wrong size", (t) => fresh(t, (dv) => ({ ...dv, sizeInBytes: 5 }), vectorFile(t.folder, [1]).vector)),
    of("in a file, no offset", (t) => fresh(t, ({ offset: _, ...dv }) => dv, vectorFile(t.folder, [1]).vector)),
    of("in a file, offset beyond 32 bits", (t) =>
      fresh(t, (dv) => ({ ...dv, offset: 2 ** 31 }), vectorFile(t.folder, [1]).vector),
    ),
    of("in a file, size beyond 32 bits", (t) =>
      fresh(t, (dv) => ({ ...dv, sizeInBytes: 2 ** 31 }), vectorFile(t.folder, [1]).vector),
    ),
    of("in a file, cardinality beyond the rows", (t) =>
      fresh(t, (dv) => ({ ...dv, cardinality: 5 }), vectorFile(t.folder, [1]).vector),
    ),
    ...field("storageType", ["x", "", "I", 5, null]),
    ...field("pathOrInlineDv", ["", "abc", "not z85 at all ~~~~~", 5, null]),
    ...field("offset", [0, 1, -1, "1", 1.5]),
    ...field("sizeInBytes", [0, -1, 5, "34", 2 ** 31, 1.5, null, RAW.rawJSON("34.0")]),
    ...field("cardinality", [0, -1, 2, 3, "1", 1.5, null]),
    ...field("maxRowIndex", [5, "x"]),
    ...field("note", ["x"]),
    of("without tight bounds told", (t) =>
      adding(
        t,
        (add) => ({ ...add, deletionVector: inlineVector([1]) }),
        (file) => file.rows.slice(0, 1),
      ),
    ),
    of("without numRecords", (t) => {
      const sent = fresh(t, (dv) => dv);
      const [first] = sent.actions as readonly JsonObject[];
      return { ...sent, actions: [{ add: { ...(first?.add as JsonObject), stats: "{}" } }] };
    }),
    of("without its feature", (t) => fresh(t, (dv) => dv), "simple"),
    rewrite("a live file gets one", (dv) => dv),
    rewrite(
      "a live file gets one, its remove names one too",
      (dv) => dv,
      (remove) => ({ ...remove, deletionVector: inlineVector([0]) }),
    ),
    {
      ...rewrite("a live file gets one without a remove", (dv) => dv),
      commit: (t) => {
        const [file] = t.live;
        return {
          actions: [{ add: { ...loose(file?.add as JsonObject), deletionVector: inlineVector([1]) } }],
          rows: t.live.flatMap((f, i) => (i === 0 ? f.rows.slice(0, 1) : f.rows)),
        };
      },
    },
  ];
}

function absolute(table: Standing, where: "there" | "nothing"): JsonObject {
  const { file, vector } = vectorFile(table.folder, [1]);
  const path = where === "there" ? file : `${table.folder}/none.bin`;
  return { ...vector, storageType: "p", pathOrInlineDv: `file://${path}` };
}

function rewrite(
  name: string,
  change: (dv: JsonObject) => unknown,
  changeRemove: (remove: JsonObject) => JsonObject = (r) => r,
): Case {
  return {
    kind: "deletion vectors",
    name,
    base: "vectors",
    commit: (table) => {
      const [file] = table.live;
      if (!file) throw new Error("no file is live");
      const { path, partitionValues, size } = file.add as Record<string, Json>;
      const remove = {
        path,
        deletionTimestamp: 1_767_225_600_000,
        dataChange: true,
        extendedFileMetadata: true,
        partitionValues,
        size,
      };
      const add = { ...loose(file.add), deletionVector: change(inlineVector([1])) as JsonObject };
      return {
        actions: [{ remove: changeRemove(remove as JsonObject) }, { add }],
        removed: [file],
        added: file.rows.slice(0, 1),
      } as Sent;
    },
  };
}
