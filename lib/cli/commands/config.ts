/** dl config: checks a configuration, shows what holds and where it has come from, and prints the JSON Schema. */

import { text } from "node:stream/consumers";
import { Command } from "commander";
import type { Problem, Resolved, Source } from "../../config/resolve.ts";
import { placeText } from "../../config/resolve.ts";
import { configJsonSchema, settings } from "../../config/settings.ts";
import type { Json } from "../../delta/values/json.ts";
import { nearestName } from "../../delta/values/nearest-name.ts";
import { invalid } from "../../errors.ts";
import { maskedUrl } from "../../masked-url.ts";
import { configKeys, encryptSetting, KEY_FILE_VARIABLE, KEY_VARIABLE } from "../config-secrets.ts";
import { action, type GlobalOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { printable } from "../output.ts";
import { configPath, resolved } from "../settings.ts";

const PRECEDENCE = "options, then variables of the environment, then the file, then defaults";

export function configCommand(): Command {
  return new Command("config")
    .addCommand(validateCommand())
    .addCommand(showCommand())
    .addCommand(schemaCommand())
    .addCommand(encryptCommand());
}

function validateCommand(): Command {
  return new Command("validate")
    .description("tell of everything that is wrong with a configuration file, and with the environment; exits 1 then")
    .argument("[file]", "YAML, TOML or JSON (default: --config, or DL_CONFIG)")
    .action(
      action<object>(
        async ({ output }, options, [file]) => {
          const all = { ...options, ...(file === undefined ? {} : { config: file }) };
          const { problems } = await resolved(all, process.env);
          const name = configPath(all, process.env) ?? "the environment";
          await output.result({ valid: problems.length === 0, problems: problems.map(problemJson) }, () =>
            problems.length === 0 ? `${name} is valid` : problemText(name, problems),
          );
          return problems.length === 0 ? EXIT.ok : EXIT.failed;
        },
        { readsDocument: true, settings: "unread" },
      ),
    );
}

function showCommand(): Command {
  return new Command("show")
    .description("print all settings that hold here, and where each has come from; passwords are masked")
    .addHelpText("after", `\nWhat counts: ${PRECEDENCE}.`)
    .action(
      action<object>(
        async ({ output }, options) => {
          const all = await resolved(options as GlobalOptions, process.env);
          if (all.config === undefined) {
            const name = configPath(options, process.env) ?? "the environment";
            await output.result({ valid: false, problems: all.problems.map(problemJson) }, () =>
              problemText(name, all.problems),
            );
            return EXIT.failed;
          }
          const shown = shownSettings(all);
          await output.result({ settings: shown }, () =>
            [
              `# What counts: ${PRECEDENCE}.`,
              ...shown.map(({ name, value, source }) => `${name}: ${valueText(value)}  # ${source}`),
            ]
              .map(printable)
              .join("\n"),
          );
          return EXIT.ok;
        },
        { readsDocument: true, settings: "unread" },
      ),
    );
}

function schemaCommand(): Command {
  return new Command("schema").description("print the JSON Schema of a configuration file, for editors").action(
    action<object>(
      async ({ output }) => {
        await output.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
        return EXIT.ok;
      },
      { settings: "unread" },
    ),
  );
}

function encryptCommand(): Command {
  return new Command("encrypt")
    .description("encrypt the value of a setting, which is read from the input, and print what to write into the file")
    .argument("<setting>", "such as database.url; security.oidc.0.issuer is a member of the first of a list")
    .addHelpText(
      "after",
      `\nThe key, 64 hex digits as of \`openssl rand -hex 32\`, is ${KEY_VARIABLE}, or in the file ${KEY_FILE_VARIABLE}.`,
    )
    .action(
      action<object>(
        async ({ output }, _options, [setting = ""]) => {
          const pointer = pointerOfSetting(setting);
          const [key] = await configKeys(process.env);
          if (key === undefined) {
            throw invalid("no key is given", {
              code: "INVALID_CONFIG_KEY",
              hint: `Make one with \`openssl rand -hex 32\`, and set ${KEY_VARIABLE}, or ${KEY_FILE_VARIABLE} to the file that holds it.`,
            });
          }
          if (process.stdin.isTTY) process.stderr.write("reading the value from the terminal; end it with Ctrl-D\n");
          const value = (await text(process.stdin)).replace(/\r?\n$/, "");
          if (value === "")
            throw invalid("the input is empty", { hint: `printf %s "$VALUE" | dl config encrypt ${setting}` });
          const encrypted = encryptSetting(key, pointer, value);
          await output.result({ setting, encrypted }, () => encrypted);
          return EXIT.ok;
        },
        { settings: "unread" },
      ),
    );
}

/** @throws LakeError invalid for what is no setting */
function pointerOfSetting(setting: string): string {
  const names = settings().map(({ path }) => path);
  if (!names.some((name) => setting === name || setting.startsWith(`${name}.`))) {
    const near = nearestName(setting, names);
    throw invalid(`there is no setting "${setting}"`, near === undefined ? {} : { hint: `Did you mean ${near}?` });
  }
  return `/${setting.replaceAll(".", "/")}`;
}

interface Shown {
  readonly name: string;
  readonly value: Json;
  readonly source: string;
}

/** In place of what was encrypted: whoever reads a terminal need not know it. */
const ENCRYPTED = "(encrypted)";

function shownSettings({ config, sources, encrypted }: Resolved): readonly Shown[] {
  return settings().map(({ path, isSecret }) => {
    const value = path
      .split(".")
      .reduce<unknown>((all, key) => (all as Record<string, unknown> | undefined)?.[key], config);
    const masked = isSecret && typeof value === "string" ? maskedUrl(value) : value;
    const shown = encrypted.has(path) ? ENCRYPTED : masked;
    return { name: path, value: (shown ?? null) as Json, source: sourceText(sources.get(path)) };
  });
}

function sourceText(source: Source | undefined): string {
  if (source === undefined || source.kind === "default") return "default";
  if (source.kind === "environment") return `environment, ${source.variable}`;
  return source.kind === "option" ? `option ${source.option}` : placeText(source);
}

function valueText(value: Json): string {
  return value === null ? "(none)" : JSON.stringify(value);
}

function problemJson({ setting, detail, hint, source }: Problem) {
  const { kind: from, ...place } = source;
  return { setting, detail, ...(hint === undefined ? {} : { hint }), from, ...place };
}

function problemText(name: string, problems: readonly Problem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const lines = problems.flatMap(({ setting, detail, hint, source }) => [
    `${placeText(source) || name}: ${setting === "" ? "" : `${setting}: `}${detail}`,
    ...(hint === undefined ? [] : [`    ${hint}`]),
  ]);
  return [...lines, `${name}: ${count}`].map(printable).join("\n");
}
