/** The repository's own source as data: files, imports, exported names. For tests that hold the code to its rules. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments that are on lines of their own. */
  readonly code: string;
  readonly imports: readonly Import[];
  readonly exportedNames: readonly string[];
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Of a relative import: the file that it names, relative to the root. */
  readonly file?: string;
  /** Of a third-party import: the package. */
  readonly package?: string;
}

/** Paths of all files of the repository that git does not ignore, without asking git, which a bare machine may lack. */
export function repositoryFiles(): readonly string[] {
  const ignored = new Set([".git", ...ignoredNames()]);
  const walk = (folder: string): string[] =>
    readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
      if (ignored.has(entry.name) || entry.name.endsWith(".log")) return [];
      const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? walk(file) : entry.isFile() ? [file] : [];
    });
  return walk("").sort();
}

function ignoredNames(): string[] {
  return readText(".gitignore")
    .split("\n")
    .filter((line) => line !== "" && !/[#*]/.test(line))
    .map((line) => line.replaceAll("/", ""));
}

export function readText(file: string): string {
  return readFileSync(path.join(ROOT, file), "utf8");
}

export function exists(file: string): boolean {
  return existsSync(path.join(ROOT, file));
}

/** Parses a TypeScript file as far as its rules need it; Biome's format is relied on (statements begin a line). */
export function readSource(file: string): SourceFile {
  const text = readText(file);
  const code = text.replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, "").replaceAll(/^\s*\/\/.*$/gm, "");
  return { path: file, text, code, imports: importsOf(file, code), exportedNames: exportedNames(code) };
}

const STATIC_IMPORT = /^(?:import|export)\b(?:[^;"']*?\bfrom)?\s*"([^"]+)"/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*"([^"]+)"\s*\)/g;

function importsOf(file: string, code: string): Import[] {
  const specifiers = [STATIC_IMPORT, DYNAMIC_IMPORT].flatMap((form) =>
    [...code.matchAll(form)].map((match) => match[1] as string),
  );
  return specifiers.map((specifier) => {
    if (specifier.startsWith(".")) return { specifier, file: path.posix.join(path.posix.dirname(file), specifier) };
    if (specifier.startsWith("node:")) return { specifier };
    const segments = specifier.split("/");
    return { specifier, package: segments.slice(0, specifier.startsWith("@") ? 2 : 1).join("/") };
  });
}

const EXPORTED =
  /^export (?:default )?(?:async )?(?:abstract )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/gm;
const EXPORT_LIST = /^export (?:type )?\{([^}]*)\}/gm;

function exportedNames(code: string): string[] {
  const declared = [...code.matchAll(EXPORTED)].map((match) => match[1] as string);
  const listed = [...code.matchAll(EXPORT_LIST)].flatMap((match) =>
    (match[1] as string).split(",").map((item) => item.trim().split(/\s+/).at(-1) ?? ""),
  );
  return [...declared, ...listed].filter((name) => name !== "");
}
