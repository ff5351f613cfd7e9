/** From what a file, the environment and options say to the settings that hold: with the source of each, and all that is wrong at once. */

import { type Config, ConfigSchema } from "../config.ts";
import { isJsonObject, type Json, type JsonObject, pointerToken } from "../delta/values/json.ts";
import { nearestName } from "../delta/values/nearest-name.ts";
import { invalid, type LakeError } from "../errors.ts";
import { examined, type Finding } from "../validation.ts";
import { contradictions } from "./consistency.ts";
import { REFUSED, REFUSED_VARIABLES } from "./refused.ts";
import { type Setting, settings } from "./settings.ts";
import { isSettingName } from "./variables.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What is read of a file, with the place of each member by its JSON pointer. */
export interface FileContent {
  readonly path: string;
  readonly value: Json;
  readonly positions: ReadonlyMap<string, Position>;
  /** What is wrong with it already. */
  readonly findings: readonly Finding[];
  /** JSON pointers of the members that are encrypted in it. */
  readonly encrypted: ReadonlySet<string>;
}

export type Source =
  | { readonly kind: "default" }
  | ({ readonly kind: "file"; readonly path: string } & Partial<Position>)
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "option"; readonly option: string };

export interface Problem {
  /** `database.pool_size`; empty where the file as a whole is meant. */
  readonly setting: string;
  /** JSON pointer into the file. */
  readonly pointer: string;
  readonly detail: string;
  readonly hint?: string | undefined;
  readonly source: Source;
}

export interface Resolved {
  /** Absent where there are problems. */
  readonly config?: Config;
  readonly problems: readonly Problem[];
  /** By setting, of those that somebody has said. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Settings whose value, or a part of it, the file has encrypted. */
  readonly encrypted: ReadonlySet<string>;
}

export interface Given {
  readonly file?: FileContent | undefined;
  readonly env?: Environment;
  /** Values of options, by setting. */
  readonly options?: Readonly<Record<string, { readonly option: string; readonly value: Json }>>;
}

/** Options go before the environment, that before the file, and that before the defaults. */
export function resolveConfig({ file, env = {}, options = {} }: Given): Resolved {
  const findings: Finding[] = [...(file?.findings ?? [])];
  const problems: Problem[] = [];
  const sources = new Map<string, Source>();
  const inFile = file?.value ?? {};
  if (!isJsonObject(inFile) && findings.length === 0) {
    findings.push({ pointer: "", detail: "a configuration is a mapping of sections, such as `database:`" });
  }
  const failed = new Set(findings.map(({ pointer }) => pointer));
  const value = isJsonObject(inFile) ? kept(inFile, "", { findings, failed }) : {};
  for (const { path } of settings()) {
    if (at(value, path) !== undefined) sources.set(path, fileSource(file, pointerOf(path)));
  }
  const set = (path: string, given: Json, source: Source) => {
    if (put(value, path, given)) sources.set(path, source);
  };
  for (const setting of settings()) {
    const variable = setting.variables.find((name) => env[name]);
    if (variable === undefined) continue;
    const source: Source = { kind: "environment", variable };
    set(setting.path, fromText(setting, env[variable] ?? ""), source);
  }
  for (const [path, { option, value: given }] of Object.entries(options)) set(path, given, { kind: "option", option });
  problems.push(...wrongVariables(env));

  const looked = examined(ConfigSchema, value, { texts: "hidden" });
  if ("findings" in looked) findings.push(...looked.findings.map(withPlace));
  for (const { pointer, detail, hint } of findings) {
    const setting = pointer.slice(1).replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~");
    const source = sources.get(setting) ?? fileSource(file, pointer);
    problems.push({ setting, pointer, detail, hint, source });
  }
  if (problems.length === 0 && "data" in looked) {
    // A database that is named for one run need not fit what the file says of its own.
    const isOther = sources.get("database.url")?.kind === "option";
    const isGiven = (name: string) => sources.has(name) && !(isOther && name.startsWith("database."));
    for (const { path, detail, hint } of contradictions(looked.data, isGiven)) {
      const source = sources.get(path) ?? { kind: "default" };
      problems.push({ setting: path, pointer: pointerOf(path), detail, hint, source });
    }
  }
  const line = ({ source }: Problem) => (source.kind === "file" ? (source.line ?? 0) : Number.POSITIVE_INFINITY);
  problems.sort((a, b) => (line(a) === line(b) ? 0 : line(a) - line(b)));
  const config = problems.length === 0 && "data" in looked ? { config: looked.data } : {};
  return { ...config, problems, sources, encrypted: encryptedIn(file, sources) };
}

function encryptedIn(file: FileContent | undefined, sources: ReadonlyMap<string, Source>): ReadonlySet<string> {
  const pointers = [...(file?.encrypted ?? [])];
  const isEncrypted = (path: string) => pointers.some((one) => `${one}/`.startsWith(`${pointerOf(path)}/`));
  return new Set([...sources].flatMap(([path, { kind }]) => (kind === "file" && isEncrypted(path) ? [path] : [])));
}

/** The settings alone. @throws LakeError invalid, naming each unknown or wrong member */
export function parseConfig(value: Json | undefined): { readonly config: Config } {
  const { config, problems } = resolveConfig({
    file: { path: "", value: value ?? {}, positions: new Map(), findings: [], encrypted: new Set() },
  });
  if (config === undefined) throw problemsError(problems);
  return { config };
}

/** @throws LakeError invalid */
export function configOf({ config, problems }: Resolved): Config {
  if (config === undefined) throw problemsError(problems);
  return config;
}

/** So many are listed; all are counted. */
const MAX_SHOWN = 100;

export function problemsError(problems: readonly Problem[]): LakeError {
  const [first] = problems;
  if (first === undefined) return invalid("the configuration is not valid");
  const several = problems.length > 1;
  const errors = problems.slice(0, MAX_SHOWN).map((problem) => {
    const { setting, detail, hint } = problem;
    const place = [placeText(problem.source), setting].filter((part) => part !== "").join(" ");
    return { pointer: place, detail: hint === undefined ? detail : `${detail}. ${hint}` };
  });
  const place = placeText(first.source);
  return invalid(
    `${place === "" ? "" : `${place}: `}${first.detail}${several ? ` (and ${problems.length - 1} more)` : ""}`,
    {
      code: "INVALID_CONFIGURATION",
      ...(first.pointer === "" ? {} : { at: first.pointer }),
      ...(first.hint === undefined || several ? {} : { hint: first.hint }),
      facts: several ? { errors } : {},
    },
  );
}

/** `config.yaml:3:5`, `the variable LOG_LEVEL`, `the option --database`; empty for a default. */
export function placeText(source: Source): string {
  if (source.kind === "environment") return `the variable ${source.variable}`;
  if (source.kind === "option") return `the option ${source.option}`;
  if (source.kind === "default") return "";
  const { path, line, column } = source;
  return line === undefined ? path : `${path}:${line}:${column}`;
}

function fileSource(file: FileContent | undefined, pointer: string): Source {
  if (file === undefined) return { kind: "default" };
  for (let at = pointer; ; at = at.slice(0, at.lastIndexOf("/"))) {
    const position = file.positions.get(at);
    if (position !== undefined) return { kind: "file", path: file.path, ...position };
    if (at === "") return { kind: "file", path: file.path };
  }
}

function pointerOf(path: string): string {
  return `/${path.replaceAll(".", "/")}`;
}

/** A copy without sections that have no content (`server:` is null in YAML), what is refused by name, and what has failed already. */
function kept(
  value: JsonObject,
  pointer: string,
  seen: { readonly findings: Finding[]; readonly failed: ReadonlySet<string> },
): Record<string, Json> {
  const result: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) {
    const here = `${pointer}/${pointerToken(key)}`;
    const refusal = refusalOf(here.slice(1).replaceAll("/", "."));
    if (refusal !== undefined) seen.findings.push({ pointer: here, detail: refusal.detail, hint: refusal.hint });
    else if (item === null || item === undefined || seen.failed.has(here)) continue;
    else result[key] = isJsonObject(item) ? kept(item, here, seen) : item;
  }
  return result;
}

function refusalOf(path: string): { readonly detail: string; readonly hint: string } | undefined {
  const refusal = Object.hasOwn(REFUSED, path) ? REFUSED[path] : undefined;
  return refusal && { detail: `not taken: ${refusal.why}`, hint: refusal.instead };
}

/** An unknown member may be a setting of another section. */
function withPlace(finding: Finding): Finding {
  const name = finding.pointer.slice(finding.pointer.lastIndexOf("/") + 1);
  if (!finding.detail.startsWith("unknown member") || finding.hint?.startsWith("Did you mean")) return finding;
  const elsewhere = settings().filter(({ path }) => path.split(".").at(-1) === name);
  if (elsewhere.length === 0) return finding;
  return { ...finding, hint: `Did you mean ${elsewhere.map(({ path }) => `"${path}"`).join(" or ")}?` };
}

function at(value: JsonObject, path: string): Json | undefined {
  let current: Json | undefined = value;
  for (const key of path.split(".")) {
    current = isJsonObject(current) && Object.hasOwn(current, key) ? current[key] : undefined;
  }
  return current;
}

/** @returns false where something else than a mapping is in the way, which is told of anyway */
function put(value: Record<string, Json>, path: string, given: Json): boolean {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  let current = value;
  for (const key of keys) {
    if (!Object.hasOwn(current, key)) current[key] = {};
    const next = current[key];
    if (!isJsonObject(next)) return false;
    current = next as Record<string, Json>;
  }
  current[last] = given;
  return true;
}

/** What a variable means, by the kind of its setting; what cannot be read stays a text, and is refused as one. */
function fromText({ kind }: Setting, text: string): Json {
  const flags: Readonly<Record<string, boolean>> = {
    true: true,
    1: true,
    yes: true,
    on: true,
    false: false,
    0: false,
    no: false,
    off: false,
  };
  if (kind === "number" && /^-?\d{1,15}(\.\d+)?$/.test(text.trim())) return Number(text);
  if (kind === "flag") return flags[text.trim().toLowerCase()] ?? text;
  if (kind === "list") return text.split(",").flatMap((item) => item.trim() || []);
  return text;
}

function wrongVariables(env: Environment): Problem[] {
  const known = new Set(settings().flatMap(({ variables }) => variables));
  return Object.keys(env).flatMap((variable) => {
    if (!env[variable]) return [];
    const source: Source = { kind: "environment", variable };
    const refusal = Object.hasOwn(REFUSED_VARIABLES, variable) ? REFUSED_VARIABLES[variable] : undefined;
    if (refusal)
      return [{ setting: "", pointer: "", detail: `not taken: ${refusal.why}`, hint: refusal.instead, source }];
    if (!isSettingName(variable) || known.has(variable)) return [];
    const close = nearestName(variable, known);
    const hint = close ? `Did you mean ${close}?` : "docs/configuration.md lists all variables.";
    return [{ setting: "", pointer: "", detail: "there is no such setting", hint, source }];
  });
}
