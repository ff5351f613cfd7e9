/** The section `deployment` of config/<stage>.yaml, as if its members had been given with `-c`; what is given there goes before. */

import { existsSync } from "node:fs";
import { readContent } from "../lib/cli/config-file.ts";
import { resolveConfig } from "../lib/config/resolve.ts";
import { MEMBERS } from "./context-names.ts";
import type { Context } from "./settings.ts";

const SECTION = "deployment";

/**
 * @param path of the file; one that is not there says nothing
 * @throws Error naming all that is wrong in the section; the others are for servers
 */
export async function deploymentFile(path: string, env: NodeJS.ProcessEnv): Promise<Context> {
  if (!existsSync(path)) return () => undefined;
  const content = await readContent(path, env);
  const isOurs = ({ pointer }: { readonly pointer: string }) => pointer.startsWith(`/${SECTION}`);
  const whole = content.value as Readonly<Record<string, never>>;
  const value = SECTION in whole ? { [SECTION]: whole[SECTION] } : {};
  const file = { ...content, value: value as never, findings: content.findings.filter(isOurs) };
  const own = Object.entries(env).filter(([name]) => name.startsWith("DL_DEPLOYMENT_"));
  const { config, problems } = resolveConfig({ file, env: Object.fromEntries(own) });
  if (config === undefined) {
    const told = problems.map(({ setting, detail, hint, source }) => {
      const line = source.kind === "file" && source.line !== undefined ? `:${source.line}` : "";
      return `  ${path}${line}: ${setting}: ${detail}${hint === undefined ? "" : `; ${hint}`}`;
    });
    throw new Error(`the deployment is not what it should be:\n${told.join("\n")}`);
  }
  const given = new Map<string, string>();
  for (const [member, name] of Object.entries(MEMBERS)) {
    const set = config.deployment?.[member as keyof typeof MEMBERS];
    const text = Array.isArray(set) ? set.join(",") : set === undefined ? "" : String(set);
    if (text !== "") given.set(name, text);
  }
  return (name) => given.get(name);
}
