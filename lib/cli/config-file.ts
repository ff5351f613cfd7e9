/** Reads configuration files: YAML, TOML or JSON, with `${NAME}` and `${NAME:-default}` from the environment. */

import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { parse as parseToml, TomlError } from "smol-toml";
import { parseDocument } from "yaml";
import { type ParsedConfig, parseConfig } from "../config.ts";
import { isJsonObject, type Json } from "../delta/json.ts";
import { invalid, isLakeError, LakeError, notFound } from "../errors.ts";
import { readJsonText } from "../wire/json-text.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws LakeError notFound; invalid, naming the file and the place in it */
export async function readConfigFile(path: string, env: Environment): Promise<ParsedConfig> {
  const bytes = await readBytes(path);
  try {
    return parseConfig(interpolate(parseText(path, bytes), env, ""));
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
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw notFound(`there is no configuration file ${path}`, { cause: error });
    throw invalid(`the configuration file ${path} cannot be read (${code})`, { cause: error });
  }
}

function parseText(path: string, bytes: Uint8Array): Json {
  const kind = extname(path).toLowerCase();
  if (kind === ".json") return readJsonText(bytes);
  const text = new TextDecoder().decode(bytes);
  if (kind === ".toml") return tomlText(text);
  if (kind === ".yaml" || kind === ".yml") return yamlText(text);
  throw invalid(`"${kind}" is no kind of configuration file`, { hint: "Name it .yaml, .yml, .toml or .json." });
}

function yamlText(text: string): Json {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) {
    const line = error.linePos?.[0].line ?? 1;
    const column = error.linePos?.[0].col ?? 1;
    const [what = error.message] = error.message.split(/ at line \d+/);
    throw invalid(`not YAML at line ${line}, column ${column}: ${what}`, { facts: { line, column } });
  }
  return document.toJS() as Json;
}

function tomlText(text: string): Json {
  try {
    return parseToml(text) as unknown as Json;
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [what = ""] = error.message.split("\n");
    throw invalid(
      `not TOML at line ${error.line}, column ${error.column}: ${what.replace(/^Invalid TOML document: /, "")}`,
      {
        facts: { line: error.line, column: error.column },
        cause: error,
      },
    );
  }
}

const PLACEHOLDER = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/** After parsing, so that a password with `:` or `#` in it cannot change the structure of the file. */
function interpolate(value: Json, env: Environment, at: string): Json {
  if (typeof value === "string") return interpolateText(value, env, at);
  if (Array.isArray(value)) return value.map((item: Json, i) => interpolate(item, env, `${at}/${i}`));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolate(item ?? null, env, `${at}/${key}`)]),
  );
}

function interpolateText(text: string, env: Environment, at: string): Json {
  const replaced = text.replaceAll(PLACEHOLDER, (_whole, name: string, fallback: string | undefined) => {
    const found = env[name] || fallback;
    if (found !== undefined) return found;
    throw invalid(`the environment variable ${name} is not set`, {
      at,
      hint: `Set it, or give a default: \${${name}:-…}.`,
    });
  });
  // `port: ${PORT}` means a number: a value that is one placeholder alone takes the type that its text has.
  const alone = replaced !== text && text.replace(PLACEHOLDER, "") === "";
  if (alone && /^-?\d{1,15}(\.\d+)?$/.test(replaced)) return Number(replaced);
  if (alone && /^(true|false)$/.test(replaced)) return replaced === "true";
  return replaced;
}
