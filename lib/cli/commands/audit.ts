/** dl audit: the audit trail. */

import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { type Anchor, anchorsOf, MAX_FAULTS, type Verified, verifyAudit } from "../../access/audit.ts";
import { type Effect, openRecorded, recordEffects, unrecordedEffects } from "../../access/audit-effects.ts";
import { trimAudit } from "../../access/audit-retention.ts";
import { invalid, isLakeError } from "../../errors.ts";
import type { AuditRow } from "../../ports.ts";
import { duration, integer, moment } from "../arguments.ts";
import { cloudEvent } from "../cloud-events.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { UsageError } from "../failure.ts";
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
    .addCommand(
      verifyCommand().description(
        "follow all chains, and look for the row of each commit; exits 1 when one was changed, put in, taken out or never written",
      ),
    )
    .addCommand(
      completeCommand().description("write the rows of commits whose process ended before it had written them"),
    )
    .addCommand(anchorCommand().description("print the ends of all chains, to be kept where nobody can change them"))
    .addCommand(trimCommand().description("take rows away whose time is over, and say so in the trail"))
    .addHelpText(
      "after",
      "\n--format ndjson prints one row a line, with its hashes; --format cloudevents the same as CloudEvents 1.0.\n",
    )
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
          const line = { ndjson: (row: AuditRow) => row, cloudevents: cloudEvent }[output.format as "ndjson"];
          if (line) await output.write(rows.map((row) => `${JSON.stringify(line(row))}\n`).join(""));
          else await output.result({ rows }, () => listText(rows));
          return EXIT.ok;
        },
        { formats: ["text", "json", "ndjson", "cloudevents"] },
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
      "what dl audit anchor has printed before, also s3://bucket/anchors/TIME.json: the end of a chain that is gone is found by it alone",
    )
    .action(
      action<{ readonly anchor?: string }>(async ({ output, withLake }, { anchor }) => {
        const anchors = anchor === undefined ? [] : await readAnchors(anchor);
        const recorded = openRecorded();
        const { verified, unrecorded } = await withLake(async ({ catalog, clock }) => {
          const followed = await verifyAudit(catalog, anchors, recorded.note);
          return { verified: followed, unrecorded: await unrecordedEffects(catalog, recorded, clock.now()) };
        }, QUIET);
        const { faults } = verified;
        await output.result({ ...verified, anchors: anchors.length, unrecorded }, () =>
          verifiedText(verified, unrecorded),
        );
        return faults.length + unrecorded.length === 0 ? EXIT.ok : EXIT.failed;
      }),
    );
}

function verifiedText({ rows, shards, faults, moreFaults }: Verified, unrecorded: readonly Effect[]): string {
  const chains = `${plural(rows, "row")} in ${plural(shards, "chain")}: each follows the one before it`;
  return [
    ...(faults.length === 0 ? [chains] : faults),
    ...(moreFaults === 0 ? [] : [`and ${plural(moreFaults, "fault")} more`]),
    ...unrecorded.slice(0, MAX_FAULTS).map(({ transactionId, who, at }) => {
      return `${transactionId}: ${who} has committed it at ${formatTime(at)}, and no row says so: dl audit complete writes it`;
    }),
  ].join("\n");
}

function completeCommand(): Command {
  return new Command("complete").action(
    action(async ({ output, withLake }) => {
      const recorded = openRecorded();
      const effects = await withLake(async ({ catalog, clock }) => {
        await verifyAudit(catalog, [], recorded.note);
        const found = await unrecordedEffects(catalog, recorded, clock.now());
        await recordEffects(catalog, found, clock.newId());
        return found;
      }, QUIET);
      await output.result({ recorded: effects }, () => `${plural(effects.length, "row")} written`);
      return EXIT.ok;
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
    .option(
      "--retain <duration>",
      "rows of this age and younger stay, such as 400d; maintenance.audit_retention_days if absent",
      duration,
    )
    .action(
      action<{ readonly retain?: number }>(async ({ config, output, withLake }, { retain: given }) => {
        const retain = given ?? config.maintenance.audit_retention_days * 86_400_000;
        if (retain === 0) throw new UsageError("rows of the audit trail stay for ever here: say --retain");
        const removed = await withLake(({ catalog, clock }) => {
          const onError = () => undefined;
          return trimAudit(catalog, { before: clock.now() - retain, shard: clock.newId(), now: clock.now, onError });
        }, QUIET);
        await output.result({ removed }, () => `${plural(removed, "row")} removed`);
        return EXIT.ok;
      }),
    );
}

/** @param place a file, or an object in a bucket, as the backups on AWS put them */
async function readAnchors(place: string): Promise<readonly Anchor[]> {
  const refused = (cause?: unknown) =>
    invalid(`${place} holds no anchors`, {
      hint: "dl audit anchor prints them, and each backup on AWS puts some.",
      cause,
    });
  const text = await readPlace(place).catch((error: unknown) => {
    throw isLakeError(error) ? error : refused(error);
  });
  const anchors = anchorsIn(text);
  if (anchors === undefined) throw refused();
  return anchors;
}

async function readPlace(place: string): Promise<string> {
  if (!/^s3[an]?:/i.test(place)) return readFile(place, "utf8");
  const { openStore } = await import("../../lake/stores.ts");
  const end = place.lastIndexOf("/");
  const found = await openStore(place.slice(0, end)).get(place.slice(end + 1));
  return new TextDecoder().decode(found?.bytes);
}

function anchorsIn(text: string): readonly Anchor[] | undefined {
  try {
    const { anchors } = JSON.parse(text) as { readonly anchors: readonly Anchor[] };
    const areSome = anchors.every(
      ({ shard, seq, hash }) => typeof shard === "string" && Number.isSafeInteger(seq) && typeof hash === "string",
    );
    return areSome ? anchors : undefined;
  } catch {
    return undefined;
  }
}
