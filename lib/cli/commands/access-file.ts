/** dl access export, plan, apply: grants, roles and policies as a file. */

import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { stringify } from "yaml";
import { checkPolicy } from "../../access/policies/engine.ts";
import { RULES_REMEMBERED_MS } from "../../access/rules.ts";
import { invalid } from "../../errors.ts";
import { type AccessPlan, applyAccess, exportAccess, planAccess } from "../../operations/access-file.ts";
import type { Lake } from "../../ports.ts";
import { checked } from "../../validation.ts";
import { type AccessFile, accessFile } from "../../wire/contracts/access-file.ts";
import { parseYamlText } from "../config-yaml.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { printable } from "../output.ts";
import { OPERATOR } from "./grant.ts";

const QUIET = { mirror: false } as const;
const MAX_DEPTH = 20;

export function exportCommand(): Command {
  return new Command("export").action(
    action(async ({ output, withLake }) => {
      const document = await withLake(exportAccess, QUIET);
      await output.result(document, () => stringify(document, { lineWidth: 0 }));
      return EXIT.ok;
    }),
  );
}

export function planCommand(): Command {
  return new Command("plan")
    .argument("<file>", "grants, roles and policies in YAML or JSON, as export prints them")
    .addHelpText("after", "\nExits 2 where something is to be changed.\n")
    .action(
      action(
        async ({ output, withLake }, _options, [file = ""]) => {
          const wanted = await read(file);
          const plan = await withLake((lake) => planAccess(lake, wanted), QUIET);
          await output.result({ changes: plan.lines }, () => text(plan));
          return plan.lines.length === 0 ? EXIT.ok : EXIT.drift;
        },
        { readsDocument: true },
      ),
    );
}

export function applyCommand(): Command {
  return new Command("apply")
    .argument(
      "<file>",
      "grants, roles and policies in YAML or JSON: what is not in it is taken away, owners of tables excepted",
    )
    .action(
      action(
        async ({ output, withLake }, _options, [file = ""]) => {
          const wanted = await read(file);
          const { plan, state } = await withLake(async (lake: Lake) => {
            const made = await planAccess(lake, wanted);
            return { plan: made, state: made.lines.length === 0 ? undefined : await applyAccess(lake, made, OPERATOR) };
          }, QUIET);
          await output.result({ changes: plan.lines, version: state?.version ?? plan.version }, () => text(plan));
          if (state?.mode === "open") output.note("Grants are not enforced: dl access on changes that.");
          else if (state) output.note(`Every server holds to it within ${RULES_REMEMBERED_MS / 1000} seconds.`);
          return EXIT.ok;
        },
        { readsDocument: true },
      ),
    );
}

function text({ lines }: AccessPlan): string {
  return lines.length === 0 ? "nothing to change" : lines.map(printable).join("\n");
}

async function read(file: string): Promise<AccessFile> {
  let source: string;
  try {
    source = await readFile(file, "utf8");
  } catch (error) {
    throw invalid(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      hint: "dl access export prints one.",
    });
  }
  const document = checked(accessFile, parseYamlText(source, MAX_DEPTH) ?? {});
  for (const [name, policy] of Object.entries(document.policies)) await checkPolicy({ name, text: policy });
  return document;
}
