/** dl health: whether the database answers. */

import { Command } from "commander";
import { maskedUrl } from "../../masked-url.ts";
import { action } from "../context.ts";
import { VERSION } from "../version.ts";

export function healthCommand(): Command {
  return new Command("health").action(
    action(async ({ output, database, withLake }) => {
      await withLake(({ catalog }) => catalog.ping(), { mirror: false });
      const url = maskedUrl(database());
      await output.result({ status: "ok", database: "ok", version: VERSION, url }, () => `ok: ${url} answers`);
      return 0;
    }),
  );
}
