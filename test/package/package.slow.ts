/** What `npm pack` makes, unpacked into an empty folder: the command runs, and a program can use the library, with its types. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), "dl-package-")));
const installed = join(folder, "node_modules/deltalakedb");
after(() => rmSync(folder, { recursive: true }));

function run(command: string, args: readonly string[], cwd = folder, env = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

let size = 0;
const dlIn = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
  run(process.execPath, [join(installed, "lib/cli/dl.js"), ...args], folder, env);
const dl = (...args: readonly string[]) => dlIn({}, ...args);

/** What `npm install` would put beside it: its dependencies and theirs, and nothing that only this clone needs. */
function dependencies(): string[] {
  const paths = run("npm", ["ls", "--omit=dev", "--all", "--parseable"], ROOT).trim().split("\n").slice(1);
  const top = paths.map((path) => path.slice(join(ROOT, "node_modules/").length).split("/node_modules/")[0] ?? "");
  return [...new Set(top)];
}

/** As npm installs it, with the dependencies of the clone. */
before(() => {
  run("npm", ["pack", "--pack-destination", folder, "--silent"], ROOT);
  const [archive = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  mkdirSync(installed, { recursive: true });
  run("tar", ["xzf", archive, "-C", installed, "--strip-components", "1"]);
  size = statSync(join(folder, archive)).size;
  // A program in TypeScript has Node's types of its own.
  for (const name of [...dependencies(), "@types/node", "undici-types"]) {
    if (existsSync(join(folder, "node_modules", name))) continue;
    mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
});

test("it holds what runs and what is read, and no sources or tests", () => {
  assert.deepEqual(readdirSync(installed).sort(), [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "cdk.json",
    "dist",
    "docs",
    "lib",
    "package.json",
  ]);
  assert.deepEqual(readdirSync(join(installed, "lib/cli")), ["dl.js"]);
});

test("it is small, and soon there: the help loads the command's own few modules and commander", (t) => {
  assert.ok(size > 100_000 && size <= 3_000_000, `the archive has ${size} bytes`);
  const seen = join(folder, "loaded");
  assert.match(dlIn({ NODE_V8_COVERAGE: seen }, "--help"), /Usage: dl/);
  const files = readdirSync(seen)
    .flatMap((name): { url: string }[] => JSON.parse(readFileSync(join(seen, name), "utf8")).result)
    .flatMap(({ url }) => (url.startsWith("file:") ? realpathSync(fileURLToPath(url)) : []));
  const packages = files.map((file) => file.split("/node_modules/").at(-1)?.split("/")[0]);
  assert.deepEqual([...new Set(packages)].sort(), ["commander", "deltalakedb"]);
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const startedAt = performance.now();
  dl("--help");
  const ms = Math.round(performance.now() - startedAt);
  t.diagnostic(
    `${size} bytes; dl --help loads ${bytes} bytes in ${files.length} modules, and takes ${ms} ms here and now`,
  );
  assert.ok(bytes > 0 && bytes < 300_000, `${bytes} bytes: ${files.join("\n")}`);
});

test("the command runs: a catalog is made, served, and its mirror publishes", { timeout: 60_000 }, async () => {
  assert.match(dl("--version"), /^\d+\.\d+\.\d+\n$/);
  const database = join(folder, "lake.sqlite");
  dl("migrate", "--database", database);
  const args = ["serve", "--port", "0", "--database", database, "--storage", join(folder, "tables")];
  const server = spawn(process.execPath, [join(installed, "lib/cli/dl.js"), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  const url = /http:\S+/.exec(String(line))?.[0];
  const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
  const body = JSON.stringify({ name: "shop.orders", schema });
  const answer = await fetch(`${url}/v1/tables`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  assert.equal(answer.status, 201);
  const first = join(folder, "tables/shop/orders/_delta_log/00000000000000000000.json");
  for (const end = performance.now() + 20_000; !existsSync(first); ) {
    assert.ok(performance.now() < end, "the mirror publishes");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  server.kill("SIGTERM");
  const [code] = await once(server, "exit");
  assert.equal(code, 0);
});

test("a program can use the library, and its types", { timeout: 120_000 }, () => {
  writeFileSync(
    join(folder, "program.mts"),
    `import { createTable, listFiles, openLake, type CommitResult } from "deltalakedb";
const lake = await openLake({ database: "program.sqlite" });
const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
const { tableId, version } = await createTable(lake, { name: "a.b", location: ${JSON.stringify(`file://${folder}/program`)}, schema });
const none: CommitResult | undefined = undefined;
console.log(version, tableId.length, none);
await lake.close();
void listFiles;
`,
  );
  assert.equal(run(process.execPath, ["program.mts"]), "0 36 undefined\n");
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { module: "nodenext", target: "es2024", strict: true, noEmit: true, types: ["node"] },
      files: ["program.mts"],
    }),
  );
  run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."]);
});

test("a CDK app has the catalog as a construct, and its functions are bundled", { timeout: 300_000 }, () => {
  // What such an app has beside: the peers.
  for (const name of ["aws-cdk-lib", "constructs", "esbuild"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync("../esbuild/bin/esbuild", join(folder, "node_modules/.bin/esbuild"));
  copyFileSync(join(ROOT, "examples/cdk-embedded/app.ts"), join(folder, "app.mts"));
  const out = join(folder, "cdk.out");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["app.mts"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, CDK_OUTDIR: out },
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  const bundles = readdirSync(out).filter(
    (name) => name.startsWith("asset.") && existsSync(join(out, name, "index.mjs")),
  );
  assert.ok(bundles.length >= 10, `${bundles.length} bundles`);
  const withWasm = bundles.filter((name) => existsSync(join(out, name, "parquet_wasm_bg.wasm")));
  assert.ok(withWasm.length >= 4, `${withWasm.length} with WebAssembly`);
});

test("on Node 22 as well: the library itself, and the command, which finds Node 24", { timeout: 120_000 }, () => {
  const place = join(folder, "older");
  mkdirSync(place);
  run("npm", ["install", "--silent", "--no-save", "--prefix", place, "node@22.23.3"], place);
  const node = join(place, "node_modules/node/bin/node");
  assert.equal(run(node, ["--version"]), "v22.23.3\n");
  writeFileSync(
    join(folder, "older.mjs"),
    `import { createTable, openLake } from "deltalakedb";
const lake = await openLake({ database: "older.sqlite" });
const schema = { type: "struct", fields: [{ name: "id", type: "long", nullable: true, metadata: {} }] };
const { version } = await createTable(lake, { name: "a.b", location: ${JSON.stringify(`file://${folder}/older-table`)}, schema });
await lake.close();
console.log(version);
`,
  );
  assert.equal(run(node, ["older.mjs"]), "0\n");
  const tables = run(node, [join(installed, "lib/cli/dl.js"), "tables", "--database", join(folder, "older.sqlite")]);
  assert.match(tables, /a\.b/);
});
