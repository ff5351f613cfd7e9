/** Holds the source to the rules of ARCHITECTURE.md and CONTRIBUTING.md: who imports whom, purity, homes of packages, sizes, words. */

import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { exists, readSource, readText, repositoryFiles, type SourceFile } from "./support/source-tree.ts";
import { HOMES, MAY_IMPORT, PURE, TOOLS } from "./support/structure.ts";

const MAX_LINES = 400;
const BANNED_WORDS = ["sync", "process", "handle", "manager", "util", "utils"];

const files = repositoryFiles();
const sources = files.filter((file) => /\.(ts|m?js)$/.test(file)).map(readSource);
const product = sources.filter((source) => /^(lib|functions|infra)\//.test(source.path));
const pure = product.filter((source) => PURE.some((folder) => within(source.path, folder)));

function within(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

function placeOf(file: string): string | undefined {
  return Object.keys(MAY_IMPORT).find((place) => within(file, place));
}

/** Fails with one line per violation, the rule above them and the way out below. */
function expectNone(violations: readonly string[], rule: string, fix: string): void {
  if (violations.length === 0) return;
  assert.fail(`${rule}\n${violations.map((violation) => `  ✗ ${violation}`).join("\n")}\n  → ${fix}`);
}

function violationsIn(among: readonly SourceFile[], find: (source: SourceFile) => readonly string[]): string[] {
  return among.flatMap((source) => find(source).map((what) => `${source.path}: ${what}`));
}

describe("who imports whom", () => {
  test("there is source to check", () => assert.ok(product.length > 20, `found only ${product.length} files`));

  test("every file has its place", () => {
    expectNone(
      product.filter((source) => placeOf(source.path) === undefined).map((source) => source.path),
      "Every file of lib, functions and infra lies in a folder whose imports are ruled.",
      "Move it where its noun lives, or give its folder a line in MAY_IMPORT (this file) and in ARCHITECTURE.md.",
    );
  });

  test("imports point inwards", () => {
    expectNone(
      violationsIn(product, (source) => {
        const place = placeOf(source.path) ?? "";
        const allowed = [place, ...(MAY_IMPORT[place] ?? [])];
        return source.imports.flatMap(({ file }) =>
          file === undefined || allowed.some((other) => within(file, other)) ? [] : [`imports ${file}`],
        );
      }),
      "The model imports only errors.ts, operations see ports and the model, adapters never see each other, lake wires them.",
      "Pass the thing in through lib/ports.ts and hand it over in lib/lake, or move the code to the side that needs it.",
    );
  });

  test("relative imports name existing files, with .ts", () => {
    expectNone(
      violationsIn(sources, (source) =>
        source.imports.flatMap(({ file, specifier }) => (file === undefined || exists(file) ? [] : [specifier])),
      ),
      "Node runs the source as it is: an import names a file.",
      "Write the whole file name, such as ./paths.ts.",
    );
  });
});

describe("engines", () => {
  const folders = [...new Set(product.map((s) => /^lib\/catalog\/engines\/([\w-]+)\//.exec(s.path)?.[1]))].filter(
    (engine) => engine !== undefined,
  );

  test("each has the same files: dialect, driver, errors", () => {
    assert.ok(folders.length >= 3, `found only ${folders}`);
    expectNone(
      folders.flatMap((engine) =>
        ["dialect", "driver", "errors"]
          .map((name) => `lib/catalog/engines/${engine}/${name}.ts`)
          .filter((file) => !exists(file)),
      ),
      "Whoever knows one engine knows where to look in another.",
      "Put what differs as data into dialect.ts, how statements are sent into driver.ts, how errors are read into errors.ts.",
    );
  });

  test("what they spell differently is asked of the dialect", () => {
    const shared = /^lib\/catalog\/(?!engines\/|migrations\/|dialect\.ts$)/;
    expectNone(
      violationsIn(product, (source) =>
        shared.test(source.path) && /\bon conflict\b/i.test(readText(source.path)) ? ["says on conflict"] : [],
      ),
      "MySQL knows no `on conflict`: a statement of all engines is spelled by each.",
      "Take dialect.onConflict.",
    );
  });

  test("only catalog/open.ts names their drivers", () => {
    expectNone(
      violationsIn(product, (source) =>
        source.imports.flatMap(({ file }) =>
          file !== undefined &&
          /^lib\/catalog\/engines\/[\w-]+\/driver\.ts$/.test(file) &&
          source.path !== "lib/catalog/open.ts"
            ? [`imports ${file}`]
            : [],
        ),
      ),
      "An engine more is a folder and a line.",
      "Take a Database, or the dialect of the one at hand.",
    );
  });
});

describe("purity", () => {
  const impure = [
    [/\bDate\.now\b/, "Date.now", "take lake.clock.now()"],
    [/\bnew Date\(\s*\)/, "new Date()", "take lake.clock.now()"],
    [/\bperformance\.now\b/, "performance.now", "take lake.clock.now()"],
    [/\bMath\.random\b/, "Math.random", "take lake.clock.newId()"],
    [/\brandomUUID\b/, "randomUUID", "take lake.clock.newId()"],
    [/\bset(Timeout|Interval|Immediate)\b/, "a timer", "take lake.clock.sleep()"],
    [/\bprocess\./, "process", "take the setting as an argument"],
    [/\bfetch\(/, "fetch", "use a port"],
    [/\bconsole\./, "console", "return the fact, or record a metric"],
  ] as const;

  /** A hash gives the same answer to the same input. */
  const onlyHashes = /^import \{ hash \} from "node:crypto";$/m;

  test("delta and operations have no clock, randomness, environment or I/O of their own", () => {
    expectNone(
      violationsIn(pure, ({ code, imports }) => [
        ...imports
          .filter((i) => i.specifier.startsWith("node:") && !(i.specifier === "node:crypto" && onlyHashes.test(code)))
          .map((i) => `imports ${i.specifier}`),
        ...impure.filter(([form]) => form.test(code)).map(([, what, instead]) => `uses ${what}: ${instead}`),
      ]),
      "lib/delta and lib/operations give the same answer to the same input: that is what makes them testable.",
      "All side effects come in through lib/ports.ts.",
    );
  });

  test("a plan goes to SQL by one road, which knows whether the database is older than a log", () => {
    const road = "lib/operations/committing/send-commit.ts";
    expectNone(
      product
        .filter(({ path, code }) => path !== road && /\bcatalog\s*\.\s*commit(Locked|Move)?\(/.test(code))
        .map(({ path }) => path),
      `Only ${road} calls commit, commitLocked and commitMove of a catalog (ARCHITECTURE.md D57).`,
      "Look at the logs with lookAtLogs, then send the plan with sendCommit.",
    );
  });

  test("the model is free of packages", () => {
    expectNone(
      violationsIn(pure, ({ imports }) => imports.flatMap((i) => (i.package === undefined ? [] : [i.package]))),
      "lib/delta and lib/operations import no third-party package.",
      "Put the package into an adapter, behind a port.",
    );
  });
});

describe("packages", () => {
  const manifest = JSON.parse(readText("package.json")) as Record<string, Record<string, string> | undefined>;
  const declared = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies };

  test("each has one home", () => {
    expectNone(
      violationsIn(sources, (source) =>
        source.imports.flatMap(({ package: name }) => {
          // Examples are programs of others.
          if (name === undefined || ["test", "bench", "examples"].some((folder) => within(source.path, folder)))
            return [];
          const homes = HOMES[name];
          if (homes === undefined) return [`imports ${name}, which has no home`];
          return homes.some((home) => within(source.path, home)) ? [] : [`imports ${name}, at home in ${homes}`];
        }),
      ),
      "A third-party package is imported from one place only.",
      "Use what its home exports, or change HOMES (this file) and ARCHITECTURE.md with a reason.",
    );
  });

  test("each is pinned, at home, in use, and explained in ARCHITECTURE.md", () => {
    const architecture = readText("ARCHITECTURE.md");
    const imported = new Set(sources.flatMap((source) => source.imports.map((i) => i.package)));
    expectNone(
      Object.entries(declared).flatMap(([name, version]) => {
        const types = name.startsWith("@types/");
        const tool = TOOLS.includes(name);
        return [
          ...(/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) ? [] : [`${name}: "${version}" is no exact version`]),
          ...(types || tool || HOMES[name] ? [] : [`${name}: has no home in HOMES (this file)`]),
          ...(types || tool || imported.has(name) ? [] : [`${name}: nothing imports it`]),
          ...(types || architecture.includes(`\`${name}\``) ? [] : [`${name}: has no line in ARCHITECTURE.md`]),
        ];
      }),
      "A dependency is a decision: exact version, one home, and a line that says why it and not another.",
      "Pin it (npm install --save-exact), add it to HOMES and to ARCHITECTURE.md, or remove it.",
    );
  });
});

describe("files", () => {
  test(`have at most ${MAX_LINES} lines`, (t) => {
    const lengths = product.map((source) => source.text.split("\n").length - 1).sort((a, b) => a - b);
    t.diagnostic(
      `${product.length} files, ${lengths.reduce((sum, lines) => sum + lines, 0)} lines, median ${lengths[lengths.length >> 1]}, longest ${lengths.at(-1)}`,
    );
    expectNone(
      sources
        .map((source) => ({ file: source.path, lines: source.text.split("\n").length - 1 }))
        .filter(({ lines }) => lines > MAX_LINES)
        .map(({ file, lines }) => `${file}: ${lines} lines`),
      "A file is one thought.",
      "Split it by meaning: what could be named with one noun of its own?",
    );
  });

  test("say in their first sentence what they are", () => {
    expectNone(
      sources.filter((s) => !/^(#!.*\n)?\/\*\*(?:[^*]|\*(?!\/))+\.\s*\*\//.test(s.text)).map((s) => s.path),
      "Every file begins with a doc comment that ends in a full stop.",
      "Begin it with /** One sentence: what this is, and what it never does. */",
    );
  });

  test("and exported names avoid words that say nothing", () => {
    const words = (name: string) =>
      name
        .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
        .split(/[^A-Za-z0-9]+/)
        .map((word) => word.toLowerCase());
    const bad = (name: string) => words(name).filter((word) => BANNED_WORDS.includes(word));
    expectNone(
      violationsIn(sources, (source) => [
        ...bad(source.path).map((word) => `"${word}" in its path`),
        ...source.exportedNames.filter((name) => bad(name).length > 0).map((name) => `exports ${name}`),
      ]),
      `The words ${BANNED_WORDS.join(", ")} are not ours.`,
      "Name the deed in Delta's terms: commit, mirror, publish, replay, import, sweep …",
    );
  });

  test("carry no left-overs, machine paths or registry addresses", () => {
    // In pieces, so that this file does not find itself.
    const forbidden = [
      [new RegExp(`\\b(TO${"DO"}|FIX${"ME"}|XX${"X"})\\b`), "a left-over note: do it, or file an issue"],
      [new RegExp(`/(wo${"rk"}|fa${"rm"}|ro${"ot"}|home/\\w+|Users/\\w+)/[\\w.]`), "a path of one machine"],
      [new RegExp(`registry\\.(npm${"js"}|yarnpkg)|py${"pi"}\\.org|python${"hosted"}`), "the address of a registry"],
      [new RegExp(`"resol${"ved"}": *"http`), "download addresses (npm config omit-lockfile-registry-resolved)"],
      [new RegExp(`@ts-(ig${"nore"}|no${"check"})`), "a silenced type check"],
    ] as const;
    const text = files.filter((file) => !/\.(parquet|png|bin|crc|wasm)$/.test(file) && !within(file, "test/golden"));
    expectNone(
      text.flatMap((file) => {
        const lines = readText(file).split("\n");
        return lines.flatMap((line, i) =>
          forbidden.filter(([form]) => form.test(line)).map(([, what]) => `${file}:${i + 1}: ${what}`),
        );
      }),
      "What lands runs anywhere and is finished.",
      "Take it out.",
    );
  });
});

describe("documents", () => {
  const architecture = readText("ARCHITECTURE.md");

  test("every invariant names the tests that guard it", () => {
    const invariants = architecture.split("\n").filter((line) => /^\|?\s*\**I\d+\b/.test(line));
    assert.ok(invariants.length >= 5, "ARCHITECTURE.md lists its invariants as lines that begin with | I1, | I2 …");
    expectNone(
      invariants.flatMap((line) => {
        const named = [...line.matchAll(/`(test\/[\w./-]+\.ts)`/g)].map((match) => match[1] as string);
        const missing = named.filter((file) => !exists(file));
        if (named.length === 0) return [`${line.slice(0, 60)}…: names no test`];
        return missing.map((file) => `${line.slice(0, 60)}…: ${file} does not exist`);
      }),
      "An invariant without a test is a wish.",
      "Name the test file that breaks when the invariant does, as `test/…`.",
    );
  });

  test("every folder has a line in ARCHITECTURE.md", () => {
    const folders = new Set(
      files.flatMap((file) => {
        const [top = "", second] = file.split("/");
        if (!file.includes("/") || top.startsWith(".")) return [];
        return top === "lib" && file.split("/").length > 2 ? [top, second as string] : [top];
      }),
    );
    expectNone(
      [...folders].filter((folder) => !new RegExp(`^\\s*${folder}/\\s+\\S`, "m").test(architecture)),
      "ARCHITECTURE.md shows the tree with one line per folder.",
      "Say in one line what lives there.",
    );
  });

  test("links point somewhere", () => {
    expectNone(
      files
        .filter((file) => file.endsWith(".md"))
        .flatMap((file) =>
          [...readText(file).matchAll(/\]\((?!\w+:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
            .map((match) => path.posix.join(path.posix.dirname(file), match[1] as string))
            .filter((target) => !exists(target))
            .map((target) => `${file}: ${target}`),
        ),
      "A link in a document names a file of the repository.",
      "Correct it, or write the file.",
    );
  });
});
