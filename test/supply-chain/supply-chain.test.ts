/** What we take from others: under which licences, how much of it, whether it is what we have once looked at, and that a bill lists it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { lockedPackages } from "./lock.ts";
import { billOfMaterials } from "./sbom.ts";

const packages = lockedPackages();
const shipped = packages.filter(({ isShipped }) => isShipped);

/** All of them let us ship the package under Apache-2.0, and ask for no more than that their text comes along. */
const LICENCES = new Set([
  ...["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "Unlicense"],
]);

/** One of several that may be chosen is enough. */
function isAllowed(licence: string | undefined): boolean {
  const choices = (licence ?? "").replaceAll(/[()]/g, "").split(" OR ");
  return choices.some((choice) => choice.split(" AND ").every((one) => LICENCES.has(one)));
}

test("every package has a licence that is on the list", () => {
  const others = packages.filter(({ license }) => !isAllowed(license));
  assert.deepEqual(
    others.map(({ path, license }) => `${path}: ${license ?? "none"}`),
    [],
    "Look for another package; or ask whether the licence belongs on the list, and add it with a reason.",
  );
  assert.ok(!isAllowed("GPL-3.0-only") && !isAllowed(undefined) && !isAllowed("MIT AND GPL-3.0-only"));
});

test("they do not become many unseen", () => {
  const most = { shipped: 145, all: 330 };
  const are = { shipped: shipped.length, all: packages.length };
  assert.ok(
    are.shipped <= most.shipped && are.all <= most.all,
    `${JSON.stringify(are)} packages, and at most ${JSON.stringify(most)} were meant: \`npm ls --all\` says whose they are. If they are worth it, say so in ARCHITECTURE.md, and raise the number.`,
  );
  assert.ok(are.shipped > most.shipped - 20 && are.all > most.all - 40, `lower the numbers to ${JSON.stringify(are)}`);
});

test("each is held to the bytes that were looked at, wherever it is downloaded from", () => {
  const loose = packages.filter(({ inBundle, integrity }) => inBundle !== true && !/^sha512-/.test(integrity ?? ""));
  assert.deepEqual(
    loose.map(({ path }) => path),
    [],
    "npm ci compares what it gets with the hash in the lock file: each package needs one.",
  );
  assert.deepEqual(
    packages.filter(({ resolved }) => resolved !== undefined).map(({ path }) => path),
    [],
  );
});

test("few run a program when they are installed, and we know which", () => {
  const known = ["node_modules/esbuild", "node_modules/node"];
  assert.deepEqual(
    packages
      .filter(({ hasInstallScript }) => hasInstallScript)
      .map(({ path }) => path)
      .toSorted(),
    known,
    "A script of a package runs with the rights of whoever installs: look at what it does before it gets on this list.",
  );
});

test("the bill of materials lists all that is shipped, by name, place, hash and licence, and nothing else", () => {
  const { bomFormat, specVersion, metadata, components, dependencies } = billOfMaterials();
  assert.deepEqual([bomFormat, specVersion], ["CycloneDX", "1.5"]);
  const { name, version, purl } = metadata.component;
  assert.deepEqual([name, purl], ["deltalakedb", `pkg:npm/deltalakedb@${version}`]);
  const listed = components.map((one) => `${one.name}@${one.version}`).toSorted();
  assert.deepEqual(listed, [...new Set(shipped.map((one) => `${one.name}@${one.version}`))].toSorted());
  for (const one of components) {
    assert.ok(one.purl.startsWith("pkg:npm/") && (one.licenses ?? []).length > 0, one.name);
    assert.ok(
      one.hashes?.some(({ alg }) => alg === "SHA-512"),
      one.name,
    );
  }
  const refs = new Set(components.map((one) => one["bom-ref"]));
  const [own, ...others] = dependencies.toSorted((a, b) => Number(refs.has(a.ref)) - Number(refs.has(b.ref)));
  assert.equal(own?.ref, `deltalakedb@${version}`);
  assert.ok(others.every(({ ref, dependsOn }) => refs.has(ref) && dependsOn.every((on) => refs.has(on))));
});
