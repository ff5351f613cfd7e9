/** Settings that are encrypted in a file: they open with their key, in their place, unchanged, and are shown to nobody. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readContent } from "../../lib/cli/config-file.ts";
import { encryptSetting } from "../../lib/cli/config-secrets.ts";
import { resolveConfig } from "../../lib/config/resolve.ts";
import { dl } from "../cli/run.ts";

const folder = mkdtempSync(join(tmpdir(), "dl-config-secrets-"));
after(() => rmSync(folder, { recursive: true }));

const [NEW, OLD] = ["11", "22"].map((digits) => digits.repeat(32)) as [string, string];
const keyOf = (hex: string) => Buffer.from(hex, "hex");
/** Neither placeholders nor anything else in it is looked at again. */
const URL = `postgresql://u:p${"$"}{HOME}:#@h/d`;
const sealed = encryptSetting(keyOf(NEW), "/database/url", URL);

let files = 0;
async function resolved(text: string, env: Record<string, string>, extension = "yaml") {
  files += 1;
  const path = join(folder, `c${files}.${extension}`);
  writeFileSync(path, text);
  return { path, ...resolveConfig({ file: await readContent(path, env) }) };
}
const yaml = (value: string) => `database:\n  url: ${value}\n`;

for (const [extension, text] of [
  ["yaml", yaml(sealed)],
  ["toml", `[database]\nurl = "${sealed}"\n`],
  ["json", JSON.stringify({ database: { url: sealed } })],
] as const) {
  test(`${extension}: an encrypted value is what it was`, async () => {
    const { config, problems, encrypted } = await resolved(text, { DL_CONFIG_KEY: NEW }, extension);
    assert.deepEqual(problems, []);
    assert.equal(config?.database.url, URL);
    assert.deepEqual([...encrypted], ["database.url"]);
  });
}

test("the key is in a file, or takes the place of another while both open", async () => {
  const file = join(folder, "key");
  writeFileSync(file, `${keyOf(NEW).toString("base64")}\n`);
  const old = encryptSetting(keyOf(OLD), "/database/url", URL);
  for (const [value, env] of [
    [sealed, { DL_CONFIG_KEY_FILE: file }],
    [sealed, { DL_CONFIG_KEY: `${NEW},${OLD}` }],
    [old, { DL_CONFIG_KEY: `${NEW},${OLD}` }],
  ] as const) {
    assert.equal((await resolved(yaml(value), env)).config?.database.url, URL);
  }
});

test("a member of a list is encrypted for its place", async () => {
  const issuer = (value: string) =>
    `security:\n  oidc:\n    - issuer: https://a.example\n      audience: lake\n      user_prefix: a-\n    - issuer: ${value}\n      audience: lake\n      user_prefix: b-\n`;
  const first = encryptSetting(keyOf(NEW), "/security/oidc/0/issuer", "https://b.example");
  const second = encryptSetting(keyOf(NEW), "/security/oidc/1/issuer", "https://b.example");
  const { config, encrypted, problems } = await resolved(issuer(second), { DL_CONFIG_KEY: NEW });
  assert.deepEqual(problems, []);
  assert.equal(config?.security.oidc?.[1]?.issuer, "https://b.example");
  assert.deepEqual([...encrypted], ["security.oidc"]);
  const moved = await resolved(issuer(first), { DL_CONFIG_KEY: NEW });
  assert.match(moved.problems[0]?.detail ?? "", /cannot be decrypted/);
});

const changed = (at: number) => {
  const flipped = sealed[at] === "A" ? "B" : "A";
  return `${sealed.slice(0, at)}${flipped}${sealed.slice(at + 1)}`;
};
const body = "ENC[AES256_GCM,".length;
type Case = readonly [what: string, value: string, env: Record<string, string>, words: RegExp, hint: RegExp];
const REFUSED: readonly Case[] = [
  ["no key", sealed, {}, /no key is given/, /DL_CONFIG_KEY/],
  ["another key", sealed, { DL_CONFIG_KEY: OLD }, /cannot be decrypted/, /dl config encrypt/],
  ...[body, body + 20, sealed.length - 5].map(
    (at): Case => [`changed at ${at}`, changed(at), { DL_CONFIG_KEY: NEW }, /cannot be decrypted/, /anew/],
  ),
  [
    "of another setting",
    encryptSetting(keyOf(NEW), "/server/host", URL),
    { DL_CONFIG_KEY: NEW },
    /another setting/,
    /anew/,
  ],
  ["cut off", "ENC[AES256_GCM,AAAA]", { DL_CONFIG_KEY: NEW }, /cannot be decrypted/, /anew/],
  ["not closed", sealed.slice(0, -1), { DL_CONFIG_KEY: NEW }, /form that is not known/, /all of what it prints/],
  ["of another kind", "'ENC[ROT13,abc]'", { DL_CONFIG_KEY: NEW }, /form that is not known/, /dl config encrypt/],
];
for (const [what, value, env, words, hint] of REFUSED) {
  test(`${what}: refused, with its place`, async () => {
    const { problems, path } = await resolved(yaml(value), env);
    const [problem] = problems;
    assert.equal(problem?.setting, "database.url");
    assert.deepEqual(problem?.source, { kind: "file", path, line: 2, column: 3 });
    assert.match(problem?.detail ?? "", words);
    assert.match(problem?.hint ?? "", hint);
    assert.ok(!JSON.stringify(problems).includes("postgresql"));
  });
}

test("a key that is none is refused by its name, and not shown", async () => {
  for (const env of [{ DL_CONFIG_KEY: "hunter2" }, { DL_CONFIG_KEY_FILE: join(folder, "nothing") }]) {
    await assert.rejects(resolved(yaml(sealed), env), (error: Error & { code?: string }) => {
      assert.equal(error.code, "INVALID_CONFIG_KEY");
      assert.match(error.message, /DL_CONFIG_KEY/);
      assert.ok(!error.message.includes("hunter2"));
      return true;
    });
  }
});

test("dl config encrypt prints what the file needs; validate takes it, and show does not show it", async () => {
  const env = { DL_CONFIG_KEY: NEW };
  const { stdout, code } = await dl(["config", "encrypt", "database.url"], { env, input: `${URL}\n` });
  assert.equal(code, 0);
  const path = join(folder, "made.yaml");
  writeFileSync(path, yaml(stdout.trim()));
  assert.equal((await dl(["config", "validate", path], { env })).code, 0);
  const shown = await dl(["config", "show", "--config", path], { env });
  assert.match(shown.stdout, /^database\.url: "\(encrypted\)" {2}# .*made\.yaml:2/m);
  assert.ok(!`${shown.stdout}${shown.stderr}`.includes("HOME}"));
  assert.equal((await dl(["config", "validate", path], { env: {} })).code, 1);
});

test("dl config encrypt refuses what is no setting, no value, and no key", async () => {
  const env = { DL_CONFIG_KEY: NEW };
  for (const [args, options, words] of [
    [["database.ulr"], { env, input: "x" }, /no setting "database\.ulr"[\s\S]*database\.url/],
    [["database.url"], { env, input: "" }, /the input is empty/],
    [["database.url"], { env: {}, input: "x" }, /no key is given[\s\S]*openssl rand -hex 32/],
  ] as const) {
    const { code, stderr } = await dl(["config", "encrypt", ...args], options);
    assert.notEqual(code, 0);
    assert.match(stderr, words);
  }
});
