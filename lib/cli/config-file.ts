/** Reads configuration files: YAML, TOML or JSON, with `${NAME}` and `${NAME:-default}` from the environment. */

import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { parse as parseToml, TomlError } from "smol-toml";
import { type Document, Lexer, LineCounter, Parser, parseDocument, visit } from "yaml";
import { type ParsedConfig, parseConfig } from "../config.ts";
import { isJsonObject, type Json } from "../delta/values/json.ts";
import { invalid, isLakeError, LakeError, notFound } from "../errors.ts";
import { readJsonText } from "../wire/json-text.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Far more than all settings with all their comments. */
const MAX_BYTES = 2 ** 20;
/** Settings are three levels deep. */
const MAX_DEPTH = 50;

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

function parseText(path: string, bytes: Uint8Array): Json {
  const kind = extname(path).toLowerCase();
  if (kind === ".json") return readJsonText(bytes);
  const text = new TextDecoder().decode(bytes);
  if (kind === ".toml") return tomlText(text);
  if (kind === ".yaml" || kind === ".yml") return yamlText(text);
  throw invalid(`"${kind}" is no kind of configuration file`, { hint: "Name it .yaml, .yml, .toml or .json." });
}

function yamlText(text: string): Json {
  const lines = new LineCounter();
  checkYamlDepth(text, lines);
  // Without pretty errors: there may be thousands, and only the first is shown.
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col: column } = lines.linePos(error.pos[0]);
    throw invalid(`not YAML at line ${line}, column ${column}: ${error.message}`, { facts: { line, column } });
  }
  try {
    return document.toJS() as Json;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw manyAliases(document, lines);
  }
}

/** Reads no more than the nesting, which takes no recursion. */
function checkYamlDepth(text: string, lines: LineCounter): void {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    for (const _token of parser.next(lexeme));
    // A level is a collection and the entry in it.
    if (parser.stack.length > 2 * MAX_DEPTH) {
      const { line, col: column } = lines.linePos(parser.offset);
      throw invalid(`nested more than ${MAX_DEPTH} levels deep at line ${line}, column ${column}`, {
        hint: "Settings are a few levels deep. Look for brackets that are not closed.",
        facts: { line, column },
      });
    }
  }
}

function manyAliases(document: Document, lines: LineCounter): Error {
  let offset = 0;
  visit(document, {
    Alias: (_key, alias) => {
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  const { line, col: column } = lines.linePos(offset);
  return invalid(`the aliases from line ${line}, column ${column} on unfold to too many values`, {
    hint: "Write the values out, or let fewer aliases (*name) name values that hold aliases themselves.",
    facts: { line, column },
  });
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

/** A default ends where another placeholder begins, so that many that are never closed cost no more than their length. */
const PLACEHOLDER = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:[^}$]|\$(?!\{))*))?\}/g;

/** After parsing, so that a password with `:` or `#` in it cannot change the structure of the file. */
function interpolate(value: Json, env: Environment, at: string, depth = 0): Json {
  if (depth > MAX_DEPTH) {
    throw invalid(`nested more than ${MAX_DEPTH} levels deep`, { at, hint: "Settings are a few levels deep." });
  }
  if (typeof value === "string") return interpolateText(value, env, at);
  if (Array.isArray(value)) return value.map((item: Json, i) => interpolate(item, env, `${at}/${i}`, depth + 1));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolate(item ?? null, env, `${at}/${key}`, depth + 1)]),
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
