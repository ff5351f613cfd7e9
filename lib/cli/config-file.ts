/** Reads configuration files: YAML, TOML or JSON, with `${NAME}` and `${NAME:-default}` from the environment, and the place of each member. */

import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { configOf, type Environment, type FileContent, resolveConfig } from "../config/resolve.ts";
import type { Config } from "../config.ts";
import { isJsonObject, type Json, pointerToken } from "../delta/values/json.ts";
import { invalid, isLakeError, LakeError, notFound } from "../errors.ts";
import type { Finding } from "../validation.ts";
import { readJsonText } from "../wire/json-text.ts";
import { configKeys, decryptSetting, isEncrypted } from "./config-secrets.ts";
import { parseTomlText, tomlPositions } from "./config-toml.ts";
import { parseYamlText, yamlPositions } from "./config-yaml.ts";

/** Far more than all settings with all their comments. */
const MAX_BYTES = 2 ** 20;
/** Settings are three levels deep. */
export const MAX_DEPTH = 50;

/** The settings of a file alone, with the defaults. @throws LakeError notFound; invalid, naming the file and the place in it */
export async function readConfigFile(path: string, env: Environment): Promise<{ readonly config: Config }> {
  return { config: configOf(resolveConfig({ file: await readContent(path, env) })) };
}

/** @throws LakeError notFound; invalid for what cannot be read at all, naming the file and the place in it */
export async function readContent(path: string, env: Environment): Promise<FileContent> {
  const bytes = await readBytes(path);
  try {
    const { value, positions } = parseText(path, bytes);
    const findings: Finding[] = [];
    const encrypted = new Set<string>();
    const keys = await configKeys(env);
    return { path, value: interpolate(value, "", { env, keys, findings, encrypted }), positions, findings, encrypted };
  } catch (error) {
    if (!isLakeError(error)) throw error;
    const { code, hint, facts, at } = error;
    throw new LakeError(error.kind, `${path}: ${error.message}`, {
      code,
      facts,
      cause: error,
      ...(hint === undefined ? {} : { hint }),
      ...(at === undefined ? {} : { at }),
    });
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) {
      throw invalid(`the configuration file ${path} has ${size} bytes; at most ${MAX_BYTES} are read`, {
        hint: "Is it the right file? A configuration has some hundred lines at most.",
      });
    }
    return await readFile(path);
  } catch (error) {
    if (isLakeError(error)) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw notFound(`there is no configuration file ${path}`, { cause: error });
    throw invalid(`the configuration file ${path} cannot be read (${code})`, { cause: error });
  }
}

function parseText(path: string, bytes: Uint8Array): Pick<FileContent, "value" | "positions"> {
  const kind = extname(path).toLowerCase();
  const text = new TextDecoder().decode(bytes);
  // JSON is a part of YAML: the places of its members are found in the same way.
  if (kind === ".json") return { value: readJsonText(bytes), positions: yamlPositions(text) };
  if (kind === ".toml") return { value: parseTomlText(text), positions: tomlPositions(text) };
  if (kind === ".yaml" || kind === ".yml")
    return { value: parseYamlText(text, MAX_DEPTH), positions: yamlPositions(text) };
  throw invalid(`"${kind}" is no kind of configuration file`, { hint: "Name it .yaml, .yml, .toml or .json." });
}

/** A default ends where another placeholder begins, so that many that are never closed cost no more than their length. */
const PLACEHOLDER = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:[^}$]|\$(?!\{))*))?\}/g;

interface Filling {
  readonly env: Environment;
  readonly keys: readonly Uint8Array[];
  readonly findings: Finding[];
  /** JSON pointers of what was encrypted. */
  readonly encrypted: Set<string>;
}

/** After parsing, so that a password with `:` or `#` in it cannot change the structure of the file. */
function interpolate(value: Json, at: string, filling: Filling, depth = 0): Json {
  if (depth > MAX_DEPTH) {
    throw invalid(`nested more than ${MAX_DEPTH} levels deep`, { at, hint: "Settings are a few levels deep." });
  }
  if (typeof value === "string")
    return isEncrypted(value) ? decrypted(value, at, filling) : interpolateText(value, at, filling);
  if (Array.isArray(value)) return value.map((item: Json, i) => interpolate(item, `${at}/${i}`, filling, depth + 1));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      interpolate(item ?? null, `${at}/${pointerToken(key)}`, filling, depth + 1),
    ]),
  );
}

/** As it was, whatever is in it. */
function decrypted(text: string, at: string, { keys, findings, encrypted }: Filling): Json {
  encrypted.add(at);
  const opened = decryptSetting(keys, at, text);
  if (typeof opened === "string") return opened;
  findings.push(opened);
  return "";
}

function interpolateText(text: string, at: string, { env, findings }: Filling): Json {
  const replaced = text.replaceAll(PLACEHOLDER, (_whole, name: string, fallback: string | undefined) => {
    const found = env[name] || fallback;
    if (found !== undefined) return found;
    const detail = `the environment variable ${name} is not set`;
    findings.push({ pointer: at, detail, hint: `Set it, or give a default: \${${name}:-…}.` });
    return "";
  });
  // `port: ${PORT}` means a number: a value that is one placeholder alone takes the type that its text has.
  const alone = replaced !== text && text.replace(PLACEHOLDER, "") === "";
  if (alone && /^-?\d{1,15}(\.\d+)?$/.test(replaced)) return Number(replaced);
  if (alone && /^(true|false)$/.test(replaced)) return replaced === "true";
  return replaced;
}
