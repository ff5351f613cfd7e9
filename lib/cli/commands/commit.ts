/** dl commit: sends the body of `POST /v1/commits` straight to the database. */

import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { Command } from "commander";
import type { CommitResult } from "../../delta/request.ts";
import { invalid } from "../../errors.ts";
import { operatorLocation } from "../../lake/table-location.ts";
import { commit } from "../../operations/commit.ts";
import { decodeCommitRequest, withLocations } from "../../wire/commit-request.ts";
import { CONFLICT_HINT, conflictSentence } from "../../wire/conflict-text.ts";
import { readJsonText } from "../../wire/json-text.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { formatTime, healthText } from "../format.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";

interface Options {
  readonly mirror: boolean;
}

export function commitCommand(): Command {
  return new Command("commit")
    .argument("<file>", "JSON file; - for standard input")
    .option("--no-mirror", "leave _delta_log to a running dl serve")
    .action(
      action<Options>(
        async ({ config, output, withLake }, { mirror }, [file = "-"]) => {
          const { storage } = config.server;
          const asked = decodeCommitRequest(readJsonText(await readInput(file)));
          const request = await withLocations(asked, (location, name) => operatorLocation(storage, location, name));
          const onMirrorError = (tableId: string, error: unknown) => {
            const text = error instanceof Error ? error.message : String(error);
            output.note(`warning: committed, but _delta_log of ${tableId} has not followed: ${text}`);
          };
          const result = await withLake(
            async (lake) => {
              const done = await commit(lake, request);
              await lake.mirrored();
              return done;
            },
            { mirror, onMirrorError },
          );
          return print(output, result);
        },
        { readsDocument: true },
      ),
    );
}

async function readInput(file: string): Promise<Uint8Array> {
  if (file === "-") {
    if (process.stdin.isTTY) process.stderr.write("reading the request from the terminal; end it with Ctrl-D\n");
    return buffer(process.stdin);
  }
  try {
    return await readFile(file);
  } catch (error) {
    throw invalid(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}

async function print(output: Output, result: CommitResult): Promise<number> {
  if (result.status === "conflict") {
    for (const conflict of result.conflicts) output.note(`dl: ${conflict.code}: ${conflictSentence(conflict)}`);
    output.note(`hint: ${CONFLICT_HINT}`);
    if (output.format === "json") await output.result(result, () => "");
    return EXIT.failed;
  }
  for (const { tableId, health } of result.tables) {
    if (health && health.state !== "ok") output.note(`warning: ${tableId} is ${healthText(health)}`);
  }
  const { status: _status, ...answer } = result;
  await output.result(answer, () => {
    const what = result.replayed ? "was committed before, at" : "committed at";
    const rows = result.tables.map((t) => [t.tableId, t.version, t.mirror]);
    return `transaction ${result.transactionId} ${what} ${formatTime(result.committedAt)}\n${table(["TABLE", "VERSION", "MIRROR"], rows)}`;
  });
  return EXIT.ok;
}
