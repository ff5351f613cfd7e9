/** dl audit: the audit trail of `dl serve`. */

import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { type Anchor, anchorsOf, trimAudit, verifyAudit } from "../../access/audit.ts";
import { invalid } from "../../errors.ts";
import type { AuditRow } from "../../ports.ts";
import { duration, integer, moment } from "../arguments.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { formatTime, plural } from "../format.ts";
import { table } from "../table.ts";

const QUIET = { mirror: false } as const;
const DEFAULT_LIMIT = 100;

interface Options {
  readonly table?: string;
  readonly who?: string;
  readonly since?: number;
  readonly limit: number;
}

export function auditCommand(): Command {
  return new Command("audit")
    .option("--table <name>", "what concerns this table, by the name or id that was used")
    .option("--who <user>", "what this one has tried: user:NAME")
    .option("--since <time>", "from this moment on", moment)
    .option("--limit <n>", "at most so many, newest first", integer(1, 1_000_000), DEFAULT_LIMIT)
    .addCommand(verifyCommand().description("follow all chains; exits 1 when a row was changed, put in or taken out"))
    .addCommand(anchorCommand().description("print the ends of all chains, to be kept where nobody can change them"))
    .addCommand(trimCommand().description("take rows away whose time is over, and say so in the trail"))
    .addHelpText("after", "\n--format ndjson prints one row a line, with its hashes.\n")
    .action(
      action<Options>(
        async ({ output, withLake }, { table: named, who, since, limit }) => {
          const filter = {
            limit,
            ...(named === undefined ? {} : { table: named }),
            ...(who === undefined ? {} : { who }),
            ...(since === undefined ? {} : { since }),
          };
          const rows = await withLake(({ catalog }) => catalog.findAudit(filter), QUIET);
          if (output.format === "ndjson") await output.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
          else await output.result({ rows }, () => listText(rows));
          return EXIT.ok;
        },
        { formats: ["text", "json", "ndjson"] },
      ),
    );
}

function listText(rows: readonly AuditRow[]): string {
  if (rows.length === 0) return "nothing";
  return table(
    ["TIME", "WHO", "OPERATION", "TABLES", "DECISION", "STATUS", "BECAUSE", "EFFECT"],
    rows.map(({ at, who, operation, tables, decision, outcome, because, effect }) => [
      formatTime(at),
      who || "nobody",
      operation,
      (JSON.parse(tables) as string[]).join(" "),
      decision,
      outcome,
      because,
      effect,
    ]),
  );
}

function verifyCommand(): Command {
  return new Command("verify")
    .option(
      "--anchor <file>",
      "what dl audit anchor has printed before: the end of a chain that is gone is found by it alone",
    )
    .action(
      action<{ readonly anchor?: string }>(async ({ output, withLake }, { anchor }) => {
        const anchors = anchor === undefined ? [] : await readAnchors(anchor);
        const verified = await withLake(({ catalog }) => verifyAudit(catalog, anchors), QUIET);
        const { rows, shards, faults } = verified;
        await output.result({ ...verified, anchors: anchors.length }, () =>
          faults.length === 0
            ? `${plural(rows, "row")} in ${plural(shards, "chain")}: each follows the one before it`
            : faults.join("\n"),
        );
        return faults.length === 0 ? EXIT.ok : EXIT.failed;
      }),
    );
}

function anchorCommand(): Command {
  return new Command("anchor").action(
    action(async ({ output, withLake }) => {
      const anchors = await withLake(({ catalog }) => anchorsOf(catalog), QUIET);
      await output.write(`${JSON.stringify({ anchors })}\n`);
      return EXIT.ok;
    }),
  );
}

function trimCommand(): Command {
  return new Command("trim")
    .requiredOption("--retain <duration>", "rows of this age and younger stay, such as 400d", duration)
    .action(
      action<{ readonly retain: number }>(async ({ output, withLake }, { retain }) => {
        const removed = await withLake(({ catalog, clock }) => {
          const onError = () => undefined;
          return trimAudit(catalog, { before: clock.now() - retain, shard: clock.newId(), now: clock.now, onError });
        }, QUIET);
        await output.result({ removed }, () => `${plural(removed, "row")} removed`);
        return EXIT.ok;
      }),
    );
}

async function readAnchors(file: string): Promise<readonly Anchor[]> {
  try {
    const { anchors } = JSON.parse(await readFile(file, "utf8")) as { readonly anchors: readonly Anchor[] };
    if (
      anchors.every(
        ({ shard, seq, hash }) => typeof shard === "string" && Number.isSafeInteger(seq) && typeof hash === "string",
      )
    )
      return anchors;
  } catch (error) {
    throw invalid(`${file} holds no anchors`, { hint: "dl audit anchor prints them.", cause: error });
  }
  throw invalid(`${file} holds no anchors`, { hint: "dl audit anchor prints them." });
}
