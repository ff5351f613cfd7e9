/** dl config validate: checks a configuration file before it is deployed. */

import { Command } from "commander";
import { stringify } from "yaml";
import { maskedUrl } from "../../masked-url.ts";
import { readConfigFile } from "../config-file.ts";
import { action } from "../context.ts";

export function configCommand(): Command {
  const validate = new Command("validate")
    .description("check a configuration file, and show all settings with their defaults")
    .argument("<file>", "YAML, TOML or JSON")
    .action(
      action(
        async ({ output }, _options, [file = ""]) => {
          const { config, warnings } = await readConfigFile(file, process.env);
          for (const warning of warnings) output.note(`warning: ${file}: ${warning}`);
          const { url } = config.database;
          const shown = { ...config, database: url === undefined ? {} : { url: maskedUrl(url) } };
          await output.result({ valid: true, warnings, config: shown }, () => `${stringify(shown)}\n${file} is valid`);
          return 0;
        },
        { readsDocument: true },
      ),
    );
  return new Command("config").addCommand(validate);
}
