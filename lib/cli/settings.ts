/** The settings of one run: the file that is named, the environment, and the options of every command. */

import type { Environment, Resolved } from "../config/resolve.ts";
import { FILE_VARIABLES, hasSettings } from "../config/variables.ts";
import type { Config } from "../config.ts";
import { DEFAULT_CONFIG } from "../default-config.ts";
import type { GlobalOptions } from "./context.ts";

/** The path of the file, if any: `--config`, else DL_CONFIG. */
export function configPath({ config }: Pick<GlobalOptions, "config">, env: Environment): string | undefined {
  return config ?? FILE_VARIABLES.map((name) => env[name]).find((path) => path);
}

/** Parsers of files, and what checks them, are loaded where there is a file or a variable. @throws LakeError notFound, invalid */
export async function settingsOf(options: GlobalOptions, env: Environment): Promise<Config> {
  if (configPath(options, env) !== undefined || hasSettings(env)) {
    const { configOf } = await import("../config/resolve.ts");
    return configOf(await resolved(options, env));
  }
  const url = options.database ?? env.DATABASE_URL;
  return url ? { ...DEFAULT_CONFIG, database: { ...DEFAULT_CONFIG.database, url } } : DEFAULT_CONFIG;
}

/** @throws LakeError notFound; invalid for a file that cannot be read at all */
export async function resolved(options: GlobalOptions, env: Environment): Promise<Resolved> {
  const path = configPath(options, env);
  const { resolveConfig } = await import("../config/resolve.ts");
  const { readContent } = await import("./config-file.ts");
  return resolveConfig({
    file: path === undefined ? undefined : await readContent(path, env),
    env,
    options:
      options.database === undefined ? {} : { "database.url": { option: "--database", value: options.database } },
  });
}
