/** The log as it would be if a request that we refused had been taken: so that readers can say whether we were right. */

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, parseJson, stringifyJson } from "../../../lib/delta/values/json.ts";
import { logName } from "../support/golden.ts";
import type { Case, Sent } from "./case.ts";
import { actionText, readLog, type Table } from "./table.ts";

/** Copies a good table and adds the mutated commit as it was asked for. @returns the version to read */
export function castShadow(good: Table, wanted: Case, to: string): { readonly version: number; readonly sent: Sent } {
  cpSync(good.folder, to, { recursive: true });
  if (wanted.import) patchLog(good, wanted.import, to);
  if (wanted.create) patchCreation(good, wanted.create, to);
  if (!wanted.commit) return { version: good.head, sent: { actions: [] } };
  const sent = wanted.commit(good.standing(to));
  const version = good.head + 1;
  writeFileSync(join(to, "_delta_log", `${logName(version)}.json`), commitLines(good, sent));
  return { version, sent };
}

/** Every commit of a table of ours begins with its time; readers would refuse one without it for that reason. */
function commitLines(good: Table, sent: Sent): string {
  const previous = readLog(good.folder, good.head)[0]?.commitInfo as JsonObject;
  const time = { inCommitTimestamp: Number(previous.inCommitTimestamp) + 1, timestamp: Date.now(), operation: "WRITE" };
  const texts = sent.actions.map(actionText);
  const infoAt = texts.findIndex((text) => text.startsWith('{"commitInfo":{'));
  const info = infoAt < 0 ? {} : ((parseJson(texts[infoAt] ?? "") as JsonObject).commitInfo as JsonObject);
  const others = texts.filter((_, i) => i !== infoAt);
  return `${[stringifyJson({ commitInfo: { ...time, ...info } }), ...others].join("\n")}\n`;
}

function patchLog(good: Table, change: NonNullable<Case["import"]>, to: string): void {
  for (let version = 0; version <= good.head; version += 1) {
    const file = join(to, "_delta_log", `${logName(version)}.json`);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    writeFileSync(file, `${change(version, lines).join("\n")}\n`);
  }
}

function patchCreation(good: Table, create: NonNullable<Case["create"]>, to: string): void {
  const { schema, partitionColumns, configuration } = create(good.createBody());
  const file = join(to, "_delta_log", `${logName(0)}.json`);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const patched = lines.map((line) => {
    const action = parseJson(line) as JsonObject;
    const meta = action.metaData as JsonObject | undefined;
    if (!meta) return line;
    const properties = Object.entries((configuration ?? {}) as JsonObject).filter(
      ([key]) => !/^delta\.(feature\.|min)/.test(key),
    );
    return stringifyJson({
      metaData: {
        ...meta,
        schemaString: stringifyJson(schema),
        partitionColumns,
        configuration: { ...(meta.configuration as JsonObject), ...Object.fromEntries(properties) },
      },
    });
  });
  writeFileSync(file, `${patched.join("\n")}\n`);
}
