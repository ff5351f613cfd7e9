/** dl health: whether the database answers, and which tables are not ok. */

import { Command } from "commander";
import { maskedUrl } from "../../masked-url.ts";
import { lakeHealth } from "../../operations/table-health.ts";
import { action } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { healthText } from "../format.ts";
import { VERSION } from "../version.ts";

/** Tables that are named; `dl tables` has them all. */
const TROUBLED_TABLES = 100;

export function healthCommand(): Command {
  return new Command("health").action(
    action(async ({ output, database, withLake }) => {
      const { status, tables, troubled } = await withLake((lake) => lakeHealth(lake, TROUBLED_TABLES), {
        mirror: false,
      });
      const url = maskedUrl(database());
      await output.result({ status, database: "ok", version: VERSION, url, tables, troubled }, () =>
        [`${status}: ${url} answers`, ...troubled.map((one) => `${one.table}: ${healthText(one)}`)].join("\n"),
      );
      const { late, ...worse } = tables;
      if (Object.values(worse).some((count) => count > 0)) return EXIT.drift;
      return late > 0 ? EXIT.lag : EXIT.ok;
    }),
  );
}
